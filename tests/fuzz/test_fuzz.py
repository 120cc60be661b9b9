"""Any bytes, for a moment; `python -m tests.fuzz` goes on for as long as one likes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.access.grants import CLAIM
from app.access.tokens import Kind
from tests.fuzz.targets import CALLER, LINE_ENDS, OTHERS, OWN, TARGETS
from tests.http.hostile import BREAKOUTS
from tests.soaking import sized

EXAMPLES = sized(150, soak=100_000)
CURSOR = "2" + ".".join(["AAAAAAAAAAAAAAAAAAAAAAAAAA"] * 2)

KNOWN = [
    CURSOR,
    "sales:minute",
    "channel=a:hour&history=",
    "end=2026-05-04T12:00:00Z",
    "ticket=",
    "Bearer ",
    "kpi_session=",
    'for="[::1]:1";proto=https',
    "10.0.0.1, 192.0.2.1",
    '{"kpi_stream":{"kpis":["a.*"],"boards":["a"]},"exp":2000000000}',
    OWN.make(Kind.SESSION, CALLER, 2e9, id="id"),
]
"""What is right, to be changed."""

pieces = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(BREAKOUTS).map(lambda text: text.encode("utf-8", "surrogatepass")[:200]),
    st.sampled_from(KNOWN).map(str.encode),
    st.sampled_from([b"\n", b"\r", b",", b";", b'"', b".", b"=", b"&", b":"]),
)
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.text()
    | st.integers()
    | st.sampled_from(["sales", "a.*", "*", "minute", "read", "write", "\ud800", "\0", 10**400]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
grants = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("kpis", "periods", "boards", "write", "metrics"), anything)
)
numbers = st.integers() | st.floats() | st.sampled_from([10**400, 1e300, 10**12, "9999999999"])
payloads = st.fixed_dictionaries(
    {},
    optional={
        CLAIM: grants,
        "exp": numbers | anything,
        "sub": st.text() | anything,
        **dict.fromkeys(("nbf", "iat", "jti", "iss", "aud"), anything),
    },
)


@pytest.mark.soak
@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes(name: str) -> None:
    @settings(max_examples=EXAMPLES, deadline=None)
    @given(st.lists(pieces, max_size=12).map(b"".join))
    def run(data: bytes) -> None:
        TARGETS[name](data)

    run()


@pytest.mark.soak
@settings(max_examples=EXAMPLES, deadline=None)
@given(payloads)
def test_any_claims(payload: dict[str, Any]) -> None:
    TARGETS["claims"](json.dumps(payload).encode())


@pytest.mark.parametrize("nested", [b"[" * 4000, b'{"a":' * 1500])
def test_deeply_nested(nested: bytes) -> None:
    for target in TARGETS.values():
        target(nested)


def test_the_targets_would_notice() -> None:
    assert len(LINE_ENDS.split(b"a\r\nb\rc\nd")) == 4
    with pytest.raises(AssertionError, match="made up"):
        TARGETS["token"](OTHERS.make(Kind.SESSION, CALLER, 2e9).encode())
