"""Tokens as an issuer, or somebody who is none, would make them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.access.grants import CLAIM

SECRET = "a secret of at least sixty-four bytes, so that it does for HS512 as well, in tests"
ISSUER = "https://issuer.example"
AUDIENCE = "kpis"

SALES = {"kpis": ["sales"]}


@dataclass(frozen=True)
class Pair:
    """A private key of an algorithm, and the public one as an operator gives it."""

    algorithm: str
    private: Any

    @property
    def pem(self) -> str:
        public = self.private.public_key()
        return str(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def pairs() -> list[Pair]:
    return [
        Pair("RS256", rsa.generate_private_key(65537, 2048)),
        Pair("ES256", ec.generate_private_key(ec.SECP256R1())),
        Pair("EdDSA", ed25519.Ed25519PrivateKey.generate()),
    ]


def claims(grants: Any = SALES, **changes: Any) -> dict[str, Any]:
    """Return good claims, changed; None takes one away."""
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "alice",
        "iat": now,
        "exp": now + 600,
        CLAIM: grants,
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def sign(
    grants: Any = SALES,
    *,
    key: Any = SECRET,
    algorithm: str = "HS256",
    headers: dict[str, Any] | None = None,
    **changes: Any,
) -> str:
    """Return a token that is good unless it is changed."""
    return jwt.encode(claims(grants, **changes), key, algorithm, headers)
