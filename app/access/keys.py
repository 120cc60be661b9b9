"""The keys that foreign tokens are signed with, each for one algorithm alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from cryptography.x509 import load_pem_x509_certificate

from ..errors import ConfigurationError

MIN_SECRET_BYTES = 32
"""RFC 7518, 3.2."""

MIN_RSA_BITS = 2048

_SMALL_ORDER = frozenset(
    bytes.fromhex(point)
    for point in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)
"""Points of Curve25519 for which anybody can sign (RFC 8032, 5.1.7), less the sign of x."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key and the one algorithm it may be used with, whatever a token's header says."""

    algorithm: str
    material: Any


class Keys(Protocol):
    """Where the key of a token is found."""

    async def find(self, key_id: str | None) -> Key:
        """Return the key with that id; raises UnauthorizedError where there is none."""


class OneKey:
    """The key of the settings, for tokens with any key id."""

    def __init__(self, key: Key) -> None:
        self.key = key

    async def find(self, key_id: str | None) -> Key:
        """Return the key."""
        return self.key


def read_key(text: str) -> Key:
    """Read KPI_JWT_KEY: a public key or certificate as PEM, or else a secret.

    Raises ConfigurationError.
    """
    text = text.strip().replace("\\n", "\n")
    if "-----BEGIN" not in text:
        if len(text.encode()) < MIN_SECRET_BYTES:
            raise ConfigurationError(
                f"KPI_JWT_KEY is shorter than the {MIN_SECRET_BYTES} bytes that HS256 needs;"
                " make one with: openssl rand -hex 32"
            )
        return Key("HS256", text.encode())
    if "PRIVATE KEY" in text:
        raise ConfigurationError("KPI_JWT_KEY is a private key; the server needs the public one")
    try:
        if "BEGIN CERTIFICATE" in text:
            found: Any = load_pem_x509_certificate(text.encode()).public_key()
        else:
            found = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigurationError("KPI_JWT_KEY is no public key in PEM format") from None
    key = public_key(found)
    if key is None:
        raise ConfigurationError(
            "KPI_JWT_KEY must be RSA with 2048 bits or more, EC on P-256, or Ed25519"
        )
    return key


def public_key(found: object) -> Key | None:
    """Return a public key with its algorithm; None where it is of no kind that is used here."""
    if isinstance(found, RSAPublicKey) and found.key_size >= MIN_RSA_BITS:
        return Key("RS256", found)
    if isinstance(found, EllipticCurvePublicKey) and isinstance(found.curve, SECP256R1):
        return Key("ES256", found)
    if isinstance(found, Ed25519PublicKey) and not _signs_for_anybody(found):
        return Key("EdDSA", found)
    return None


def _signs_for_anybody(key: Ed25519PublicKey) -> bool:
    point = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return point[:-1] + bytes([point[-1] & 0x7F]) in _SMALL_ORDER
