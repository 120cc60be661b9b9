"""JSON Web Tokens: those of the issuer that the settings name, and our own."""

from __future__ import annotations

import hmac
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import jwt

from ..errors import UnauthorizedError
from ..models import is_text
from .caller import Caller
from .grants import CLAIM, Grants
from .keys import Key, Keys

MAX_BYTES = 8192
"""The longest token that is looked at."""

LAST_EXPIRY = 253_402_300_799
"""The end of the year 9999, in seconds since 1970."""

ISSUER = "kpi-stream"

_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class Kind(StrEnum):
    """What a token of our own is for, written as its `typ` so that none serves as another."""

    SESSION = "kpi-session+jwt"
    TICKET = "kpi-ticket+jwt"
    SCREEN = "kpi-screen+jwt"


@dataclass(frozen=True, slots=True)
class Opened:
    """A token of our own that was good."""

    id: str
    expires: float
    caller: Caller


def header_of(token: str) -> dict[str, Any]:
    """Return a token's header, of which nothing is believed yet; raises UnauthorizedError."""
    if len(token) > MAX_BYTES or _FORM.fullmatch(token) is None:
        raise UnauthorizedError("that is no token")
    try:
        header: dict[str, Any] = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError):
        raise UnauthorizedError("that is no token") from None
    if "crit" in header:
        raise UnauthorizedError("the token asks for extensions that are not known here")
    return header


class Verifier:
    """Checks the tokens of the issuer."""

    def __init__(self, keys: Keys, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience

    async def verify(self, token: str) -> Caller:
        """Return whom a token speaks for; raises UnauthorizedError, UnavailableError."""
        header = header_of(token)
        key_id = header.get("kid")
        if key_id is not None and not isinstance(key_id, str):
            raise UnauthorizedError("that is no token")
        key = await self._keys.find(key_id)
        claims = _decode(token, key, issuer=self._issuer or None, audience=self._audience or None)
        subject = claims.get("sub", "")
        if not is_text(subject):
            raise UnauthorizedError("the token's subject is no text")
        return Caller(subject, Grants.parse(claims.get(CLAIM)), _expiry(claims["exp"]))


class OwnTokens:
    """Makes and checks our own tokens, by a secret that all gateways share."""

    def __init__(self, secret: bytes) -> None:
        self._key = Key("HS256", hmac.digest(secret, b"kpi-stream: tokens of our own", "sha256"))

    def make(self, kind: Kind, caller: Caller, expires: float, *, id: str | None = None) -> str:
        """Return a token that speaks for a caller until `expires`."""
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": kind.value,
            "sub": caller.subject,
            "iat": int(time.time()),
            "exp": expires,
            "jti": id or secrets.token_urlsafe(12),
            "until": caller.expires,
            "tokens": list(caller.tokens),
            CLAIM: caller.grants.claim(),
        }
        headers = {"typ": kind.value}
        return jwt.encode(claims, self._key.material, self._key.algorithm, headers)

    def open(self, kind: Kind, token: str) -> Opened:
        """Return what a token says; raises UnauthorizedError where it is not one of that kind."""
        if header_of(token).get("typ") != kind.value:
            raise UnauthorizedError("the token is not for this")
        claims = _decode(token, self._key, issuer=ISSUER, audience=kind.value)
        ids = (*claims["tokens"], claims["jti"])
        caller = Caller(claims["sub"], Grants.parse(claims[CLAIM]), claims["until"], ids)
        return Opened(claims["jti"], claims["exp"], caller)


def _expiry(claim: Any) -> float:
    """Return when a token expires that has not yet; raises UnauthorizedError.

    It becomes a date in a cookie and in JSON, so it must be one.
    """
    if isinstance(claim, bool) or not isinstance(claim, int | float):
        raise UnauthorizedError("the token's exp is no number of seconds")  # RFC 7519, 2
    expires = int(claim)  # as it was read when the token was checked
    if expires > LAST_EXPIRY:
        raise UnauthorizedError("the token's exp is after the year 9999; it is to be in seconds")
    return float(claim)


def _decode(token: str, key: Key, *, issuer: str | None, audience: str | None) -> Mapping[str, Any]:
    """Return the claims of a token that is good now; raises UnauthorizedError."""
    try:
        return jwt.decode(
            token,
            key.material,
            algorithms=[key.algorithm],
            issuer=issuer,
            audience=audience,
            options={
                "require": ["exp"],
                "verify_aud": audience is not None,
                "verify_iat": False,  # RFC 7519 makes it no criterion, and clocks differ
            },
        )
    except jwt.ExpiredSignatureError:
        raise UnauthorizedError("the token has expired") from None
    except jwt.ImmatureSignatureError:
        raise UnauthorizedError("the token is not valid yet") from None
    except jwt.InvalidAudienceError:
        raise UnauthorizedError("the token is for another audience") from None
    except jwt.InvalidIssuerError:
        raise UnauthorizedError("the token is of another issuer") from None
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
        raise UnauthorizedError(
            "the token is not signed as it should be, or is incomplete"
        ) from None
