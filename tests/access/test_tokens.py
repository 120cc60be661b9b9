"""Tokens and grants by any input: nothing but UnauthorizedError, and no more than was granted."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.caller import Caller, Right
from app.access.grants import CLAIM, Codes, Grants
from app.access.keys import OneKey, read_key
from app.access.tokens import Kind, OwnTokens, Verifier
from app.errors import ConfigurationError, UnauthorizedError
from app.models import CODE_PATTERN, Channel, Period
from tests.access.signing import AUDIENCE, ISSUER, SECRET, pairs, sign
from tests.access.signing import claims as made_claims

VERIFIER = Verifier(OneKey(read_key(SECRET)), ISSUER, AUDIENCE)
OWN = OwnTokens(SECRET.encode())

codes = st.from_regex(CODE_PATTERN, fullmatch=True)
patterns = st.one_of(
    codes.filter(lambda code: not code.endswith(".*")),
    codes.map(lambda code: f"{code[:60]}.*"),
    st.just("*"),
)
anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
claims = st.fixed_dictionaries(
    {},
    optional={
        name: anything | st.lists(patterns)
        for name in ("kpis", "periods", "boards", "write", "metrics")
    },
)


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
async def test_any_text_is_no_token(text: str) -> None:
    with pytest.raises(UnauthorizedError):
        await VERIFIER.verify(text)


@given(st.integers(0, 10_000), st.sampled_from("ABCDEFabc019-_.="))
async def test_no_changed_letter_goes_unnoticed(place: int, letter: str) -> None:
    token = sign()
    at = place % len(token)
    changed = token[:at] + letter + token[at + 1 :]
    # The last letter of each part may hold bits that are not used.
    parts = (_decoded(token), _decoded(changed))
    if parts[0] == parts[1]:
        return
    with pytest.raises(UnauthorizedError):
        await VERIFIER.verify(changed)


def _decoded(token: str) -> list[bytes]:
    try:
        return [base64.urlsafe_b64decode(part + "==") for part in token.split(".")]
    except ValueError:
        return []


@given(anything, anything)
async def test_any_claims_are_read_or_refused(claim: Any, subject: Any) -> None:
    try:
        token = sign(claim, sub=subject)
    except (TypeError, ValueError):
        return
    try:
        caller = await VERIFIER.verify(token)
    except UnauthorizedError:
        return
    assert isinstance(caller.subject, str)
    assert not caller.may(Right.SEE, Channel("sales", Period.MINUTE))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 10**12},  # in milliseconds
        {"exp": 1e300},
        {"exp": 10**400},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"exp": -1},
        {"exp": True},
        {"exp": [2_000_000_000]},
        {"nbf": float("nan")},
        {"nbf": "soon"},
        {"sub": "\ud800"},
        {"sub": "a\0b"},
        {"sub": ["alice"]},
        {"sub": 7},
        {"aud": {"kpis": AUDIENCE}},
        {"iss": [ISSUER]},
        {CLAIM: {"boards": ["\ud800"]}},
        {CLAIM: {"boards": ["a\0"]}},
        {CLAIM: {"periods": {"minute": True}}},
        {CLAIM: {"periods": "minute"}},
        {CLAIM: {"kpis": [["sales"]]}},
        {CLAIM: [["sales"]]},
        {CLAIM: "sales"},
        {CLAIM: {"kpis": {"sales": True}}},
    ],
    ids=str,
)
async def test_claims_of_a_wrong_kind_are_refused(changes: dict[str, Any]) -> None:
    payload = json.dumps(made_claims() | changes).encode()
    with pytest.raises(UnauthorizedError):
        await VERIFIER.verify(jwt.api_jws.encode(payload, SECRET))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": ["HS256"]}, {"alg": None}, {"alg": "none"}, {"alg": "hs256"}, {"kid": ["a"]},
        {"kid": {"a": 1}}, {"crit": []}, {"crit": ["exp"]}, {"b64": False, "crit": ["b64"]},
        {"b64": False}, {"jwk": {"kty": "oct", "k": "eA"}, "alg": "HS384"}, {"alg": "RS256"},
    ],
    ids=str,
)  # fmt: skip
async def test_headers_of_a_wrong_kind_are_refused(header: dict[str, Any]) -> None:
    head = _encoded(json.dumps({"typ": "JWT", "alg": "HS256"} | header).encode())
    signed = f"{head}.{_encoded(json.dumps(made_claims()).encode())}"
    digest = hmac.digest(SECRET.encode(), signed.encode(), "sha256")
    with pytest.raises(UnauthorizedError):
        await VERIFIER.verify(f"{signed}.{_encoded(digest)}")


@pytest.mark.parametrize("name", ["kid", "jku", "x5u", "jwk"])
async def test_what_a_header_says_of_keys_is_neither_fetched_nor_believed(name: str) -> None:
    """The key of the settings counts, whatever file, URL or statement stands in the header."""
    for value in ("../../dev/null", "' OR 1=1 --", "http://127.0.0.1:1/keys", "a\r\nb"):
        assert (await VERIFIER.verify(sign(headers={name: value}))).subject == "alice"
        with pytest.raises(UnauthorizedError):
            await VERIFIER.verify(sign(key="x" * 40, headers={name: value}))


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@given(claims)
def test_grants_are_read_back_as_they_were_written(claim: Any) -> None:
    try:
        grants = Grants.parse(claim)
    except UnauthorizedError:
        return
    assert Grants.parse(json.loads(json.dumps(grants.claim()))) == grants


@given(st.lists(patterns, max_size=5), codes)
def test_a_code_is_allowed_where_a_pattern_says_so(allowed: list[str], code: str) -> None:
    expected = any(
        pattern in ("*", code) or (pattern.endswith(".*") and code.startswith(pattern[:-1]))
        for pattern in allowed
    )
    try:
        found = Codes.parse(allowed)
    except UnauthorizedError:
        return
    assert (code in found) is expected


@given(st.sampled_from(list(Kind)), st.sampled_from(list(Kind)))
def test_a_token_of_one_kind_is_none_of_another(made: Kind, wanted: Kind) -> None:
    caller = Caller("alice", Grants(), time.time() + 60)
    token = OWN.make(made, caller, time.time() + 60)
    if made is wanted:
        assert OWN.open(wanted, token).caller.subject == "alice"
    else:
        with pytest.raises(UnauthorizedError):
            OWN.open(wanted, token)
    with pytest.raises(UnauthorizedError):
        OwnTokens(b"x" * 32).open(made, token)


async def test_our_own_tokens_are_none_of_the_issuers() -> None:
    """Both come from one secret, and must not be taken for each other."""
    caller = Caller("alice", Grants(), time.time() + 60)
    for kind in Kind:
        own = OWN.make(kind, caller, time.time() + 60)
        for verifier in (VERIFIER, Verifier(OneKey(read_key(SECRET)), "", "")):
            with pytest.raises(UnauthorizedError):
                await verifier.verify(own)
        forged = sign(headers={"typ": kind.value}, iss="kpi-stream", aud=kind.value, jti="a")
        with pytest.raises(UnauthorizedError):
            OWN.open(kind, forged)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("short", "32 bytes"),
        ("-----BEGIN PUBLIC KEY-----\nnothing\n-----END PUBLIC KEY-----", "no public key"),
        ("-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----", "private key"),
        ("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----", "no public key"),
    ],
)
def test_keys_that_cannot_be_used_are_said_to_be(text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        read_key(text)


def test_public_keys_know_their_algorithm() -> None:
    for pair in pairs():
        assert read_key(pair.pem).algorithm == pair.algorithm
        assert read_key(pair.pem.replace("\n", "\\n")).algorithm == pair.algorithm
