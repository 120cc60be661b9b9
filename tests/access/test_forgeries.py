"""Forged, odd and borrowed tokens, one by one: what is no token of the issuer's is refused."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from app.access.caller import Right
from app.access.keys import OneKey, public_key, read_key
from app.access.tokens import MAX_BYTES, Verifier
from app.errors import ConfigurationError, UnauthorizedError
from app.models import Channel, Period
from tests.access.signing import AUDIENCE, ISSUER, SECRET, Pair, claims, pairs, sign

VERIFIER = Verifier(OneKey(read_key(SECRET)), ISSUER, AUDIENCE)


def part(raw: bytes | str | dict[str, Any]) -> str:
    raw = json.dumps(raw) if isinstance(raw, dict) else raw
    return (
        base64.urlsafe_b64encode(raw.encode() if isinstance(raw, str) else raw)
        .rstrip(b"=")
        .decode()
    )


def signed(header: bytes | str | dict[str, Any], payload: bytes | str | dict[str, Any]) -> str:
    """Return what whoever has the secret signs, however odd its parts are."""
    text = f"{part(header)}.{part(payload)}"
    return f"{text}.{part(hmac.digest(SECRET.encode(), text.encode(), 'sha256'))}"


def verifier(pair: Pair) -> Verifier:
    return Verifier(OneKey(read_key(pair.pem)), ISSUER, AUDIENCE)


HEAD = {"alg": "HS256", "typ": "JWT"}


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", "", "HS384", "RS256", "ES256"])
@pytest.mark.parametrize("signature", ["", "AA", part(b"\0" * 32), part(b"\0" * 64)])
async def test_no_algorithm_but_the_keys_own_counts(name: str, signature: str) -> None:
    head = part({"alg": name, "typ": "JWT"})
    for each in (VERIFIER, *map(verifier, pairs())):
        with pytest.raises(UnauthorizedError):
            await each.verify(f"{head}.{part(claims())}.{signature}")


async def test_signatures_have_one_form() -> None:
    """Not as DER, not of zeros, not with zeros in front, and no other's."""
    for pair in pairs():
        good = sign(key=pair.private, algorithm=pair.algorithm)
        assert (await verifier(pair).verify(good)).subject == "alice"
        text, _, signature = good.rpartition(".")
        raw = base64.urlsafe_b64decode(signature + "==")
        half = len(raw) // 2
        numbers = int.from_bytes(raw[:half]), int.from_bytes(raw[half:])
        for other in (
            encode_dss_signature(*numbers),
            b"\0" * len(raw),
            b"\0" + raw,
            raw + b"\0",
            raw[:-1],
            raw[:half] + b"\0" * half,
            b"\0" * half + raw[half:],
            raw + raw,
            b"\x30\0",
        ):
            with pytest.raises(UnauthorizedError):
                await verifier(pair).verify(f"{text}.{part(other)}")


@pytest.mark.parametrize(
    "token",
    [
        sign() + "=",
        sign() + "==",
        " " + sign(),
        sign() + "\n",
        sign() + " ",
        sign() + ".",
        "." + sign(),
        sign().replace(".", ".."),
        sign().replace(".", "%2E"),
        sign() + "." + sign(),
        f"{sign()}.a.b",
        "\ufeff" + sign(),
        sign() + "\0",
        sign().replace(".", "\u3002"),
        json.dumps({"payload": "e30"}),
        signed(HEAD, f'"{sign()}"'),
        signed({**HEAD, "cty": "JWT"}, sign()),
        signed(HEAD, "[]"),
        signed(HEAD, "null"),
        signed(HEAD, "1"),
        signed(HEAD, ""),
        signed(HEAD, b"\xff"),
        signed("[]", claims()),
        signed("null", claims()),
        signed(b"\xff", claims()),
        signed("{", claims()),
        signed(HEAD, "[" * 3000 + "]" * 3000),
        signed("[" * 3000, claims()),
        signed('{"a":' * 900, claims()),
        signed({**HEAD, "pad": "a" * MAX_BYTES}, claims()),
        sign(headers={"kid": "k" * MAX_BYTES}),
        sign({"kpis": [f"k{n}" for n in range(2000)]}),
    ],
)
async def test_what_is_no_token_in_its_one_form_is_none(token: str) -> None:
    with pytest.raises(UnauthorizedError):
        await VERIFIER.verify(token)


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": "9999999999"},
        {"exp": "9_999_999_999"},
        {"exp": "1e10"},
        {"exp": {}},
        {"exp": []},
        {"exp": False},
        {"exp": 0},
        {"exp": -(10**30)},
        {"exp": int(time.time()) - 1},
        {"nbf": int(time.time()) + 3600},
        {"nbf": 1e300},
        {"nbf": {}},
        {"nbf": []},
        {"iss": ISSUER + "/"},
        {"iss": ISSUER.upper()},
        {"iss": ISSUER + "\0"},
        {"iss": ""},
        {"iss": 1},
        {"aud": AUDIENCE + "/"},
        {"aud": []},
        {"aud": ["others"]},
        {"aud": [1]},
        {"aud": [[AUDIENCE]]},
        {"aud": AUDIENCE.upper()},
        {"aud": ""},
        {"aud": 1},
        {"aud": AUDIENCE[:-1]},
    ],
)
async def test_times_issuers_and_audiences_are_taken_by_the_letter(changes: dict[str, Any]) -> None:
    with pytest.raises(UnauthorizedError):
        await VERIFIER.verify(signed(HEAD, claims() | changes))


async def test_claims_that_are_unusual_and_right_count() -> None:
    soon = time.time() + 60
    for changes in (
        {"exp": soon},
        {"iat": soon + 3600},
        {"aud": ["others", AUDIENCE]},
        {"nbf": 0.5},
    ):
        assert (await VERIFIER.verify(signed(HEAD, claims() | changes))).subject == "alice"


@pytest.mark.parametrize(
    "pattern",
    [
        "**",
        "plant1*",
        "*.oee",
        "plant1.**",
        "plant?",
        "plant1.[ab]",
        "pl\u0430nt1.oee",
        "plant1.\u043eee",
        "plant1.oee\n",
        " plant1.oee",
        "",
        "*.*",
        "^.*$",
        "plant1.oee\0",
        "a" * 65,
        "a" * 64 + ".*",
        "%",
        "plant1.%",
        "*\n",
        "\uff0a",
    ],
)
async def test_a_pattern_that_is_none_is_refused(pattern: str) -> None:
    for name in ("kpis", "write"):
        with pytest.raises(UnauthorizedError, match="malformed"):
            await VERIFIER.verify(sign({name: [pattern]}))


async def test_a_prefix_ends_with_its_dot() -> None:
    caller = await VERIFIER.verify(sign({"kpis": ["plant1.*", "line"], "periods": ["minute"]}))
    for code, allowed in (
        ("plant1.oee", True),
        ("plant1.a.b", True),
        ("plant1.", True),
        ("line", True),
        ("plant1", False),
        ("plant10.oee", False),
        ("plant1x", False),
        ("Plant1.oee", False),
        ("line.a", False),
        ("lin", False),
        ("xplant1.oee", False),
        ("linE", False),
        (".plant1.oee", False),
    ):
        assert caller.may(Right.SEE, Channel(code, Period.MINUTE)) is allowed, code
        assert caller.may(Right.LIST, code) is allowed
        assert not caller.may(Right.SEE, Channel(code, Period.HOUR))
        assert not caller.may(Right.WRITE_ROWS, code)


async def test_what_is_empty_allows_nothing() -> None:
    nothing: list[dict[str, Any]] = [{"kpis": []}, {"kpis": ["sales"], "periods": []}, {}]
    for grants in nothing:
        caller = await VERIFIER.verify(sign(grants))
        assert not caller.may(Right.SEE, Channel("sales", Period.MINUTE))


def test_keys_that_sign_for_anybody_are_none() -> None:
    """Too short to be safe, or of small order, where a signature fits any text."""
    small_rsa = rsa.generate_private_key(65537, 1024)  # noqa: S505
    with pytest.raises(ConfigurationError, match="2048"):
        read_key(Pair("RS256", small_rsa).pem)
    with pytest.raises(ConfigurationError, match="P-256"):
        read_key(Pair("ES384", ec.generate_private_key(ec.SECP384R1())).pem)
    for text in SMALL_ORDER:
        for sign_bit in (0, 0x80):
            raw = bytearray.fromhex(text)
            raw[31] |= sign_bit
            found = ed25519.Ed25519PublicKey.from_public_bytes(bytes(raw))
            assert public_key(found) is None, text
            pem = found.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
            with pytest.raises(ConfigurationError):
                read_key(pem)


SMALL_ORDER = (
    "00" * 32,
    "01" + "00" * 31,
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ec" + "ff" * 30 + "7f",
    "ed" + "ff" * 30 + "7f",
    "ee" + "ff" * 30 + "7f",
)


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_a_private_key_is_refused_in_any_form(form: PrivateFormat) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(ConfigurationError, match="private"):
        read_key(key.private_bytes(Encoding.PEM, form, NoEncryption()).decode())
