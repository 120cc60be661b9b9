"""What is fuzzed: each takes any bytes, and raises AssertionError where code breaks its word.

The bytes come from Hypothesis (`test_fuzz.py`) or, guided by coverage, from Atheris (`__main__`).
"""

from __future__ import annotations

import json
import math
import re
import time
from base64 import urlsafe_b64encode
from contextlib import suppress
from ipaddress import ip_network
from typing import Any

import jwt
from quart import Request
from werkzeug.datastructures import Headers

from app.access.caller import Caller
from app.access.grants import CLAIM, Grants
from app.access.keys import OneKey, read_key
from app.access.tokens import Kind, OwnTokens, Verifier, header_of
from app.errors import KpiStreamError
from app.http import auth, parameters
from app.http.client_address import TrustedProxies
from app.http.direct import ascii_query
from app.live import cursor, events
from app.live.cursor import Position
from app.models import Channel
from app.origins import host_of
from tests.access.signing import SECRET
from tests.sse_reader import read

OWN = OwnTokens(b"a secret of our own")
OTHERS = OwnTokens(b"another secret")
HEAD = jwt.encode({}, SECRET).partition(".")[0]
VERIFIER = Verifier(OneKey(read_key(SECRET)), "", "")
CALLER = Caller("alice", Grants.parse({"kpis": ["a", "b.*"], "boards": "write"}), 2e9)
PROXIES = TrustedProxies([ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8")])
LINE_ENDS = re.compile(rb"\r\n|\r|\n")


def fuzz_cursor(data: bytes) -> None:
    """A cursor is refused, or is the one that its positions make."""
    texts = data.decode("latin-1").split("\n")
    try:
        positions = cursor.decode(texts)
    except KpiStreamError:
        return
    tokens = {token for text in texts for token in text[1:].split(".")}
    made = {cursor.encode_token(key, position) for key, position in positions.items()}
    assert made <= tokens
    assert cursor.decode([cursor.join(sorted(made))]) == positions


def fuzz_position(data: bytes) -> None:
    """Whatever 19 bytes say is a position, and comes back."""
    raw = data[:19].ljust(19, b"\0")
    key = raw[:5]
    position = Position(
        int.from_bytes(raw[5:9]), int.from_bytes(raw[9:11]), int.from_bytes(raw[11:])
    )
    assert cursor.decode([cursor.join([cursor.encode_token(key, position)])]) == {key: position}


def fuzz_channel(data: bytes) -> None:
    """A channel is refused, or is written as it was read."""
    text = data.decode("utf-8", "surrogateescape")
    with suppress(KpiStreamError):
        assert str(Channel.parse(text)) == text


def fuzz_request(data: bytes) -> None:
    """A query string and headers are read, or refused with an error that the client is told."""
    query, *lines = ascii_query(data.partition(b"\n")[0]), *data.split(b"\n")[1:]
    headers = Headers({"Host": "kpi.example"})
    for name, line in zip(
        ("Authorization", "Cookie", "Last-Event-ID", "Origin", "Host", "Sec-Fetch-Site",
         "If-None-Match", "If-Match", "Accept-Encoding"),
        lines,
        strict=False,
    ):  # fmt: skip
        with suppress(ValueError):
            headers[name] = line.decode("latin-1")
    scope: Any = {"headers": [], "client": ("192.0.2.1", 1), "scheme": "http"}
    request = Request(
        "GET", "http", "/", query, headers, "", "1.1", scope, send_push_promise=_nothing
    )
    for parse in (
        parameters.channels,
        parameters.history,
        parameters.end,
        parameters.partial,
        parameters.cursors,
        parameters.boards,
        lambda request: parameters.channel(request, "sales"),
        lambda request: auth.credentials(request, PROXIES, "/plant"),
        auth.is_foreign,
        lambda request: (request.if_match.as_set(), request.if_none_match.star_tag),
        lambda request: request.accept_encodings.quality("gzip"),
    ):
        try:
            found: Any = parse(request)
        except KpiStreamError as error:
            assert 400 <= error.status < 500
            events.dumps(error.public)
        else:
            assert parse is not parameters.history or 0 <= found <= 1_000_000
    with suppress(ValueError):
        host = host_of(headers["Host"])
        assert host_of(f"[{host}]" if ":" in host else host) == host


async def _nothing(path: str, headers: Headers) -> None:
    pass


def fuzz_forwarded(data: bytes) -> None:
    """No header of a client makes an address that no trusted proxy has written."""
    lines = data.split(b"\n")
    names = (b"x-forwarded-for", b"x-forwarded-proto", b"forwarded")
    headers = [(names[number % 3], line) for number, line in enumerate(lines)]
    trusted = {"client": ("127.0.0.1", 1), "scheme": "http", "headers": headers}
    found = PROXIES.client(trusted)
    assert found.scheme in ("http", "https")
    stranger = trusted | {"client": ("192.0.2.1", 1)}
    assert str(PROXIES.client(stranger).address) == "192.0.2.1"
    through = trusted | {"headers": [*headers, (b"x-forwarded-for", b"192.0.2.7")]}
    if not any(name == b"forwarded" for name, _ in headers):
        assert str(PROXIES.client(through).address) == "192.0.2.7"


def fuzz_sse(data: bytes) -> None:
    """Whatever an event's data is, it stays in that one event, and so does what is around it."""
    text = data.decode("utf-8", "replace")
    blocks = [
        events.fields("value", text.encode()),
        events.reset(Channel.parse("sales:minute"), text),
        events.end(text),
    ]
    sent = events.burst(blocks, "2abc")
    as_browsers_see_it = b"\n".join(LINE_ENDS.split(sent))
    first, reset, end = read(as_browsers_see_it)
    assert (first.event, reset.event, end.event) == ("value", "reset", "end")
    assert first.data == b"\n".join(LINE_ENDS.split(text.encode())).decode()
    assert reset.json() == {"kpi": "sales", "period": "minute", "reason": text}
    assert end.json() == {"reason": text}
    assert (first.last_event_id, reset.last_event_id, end.last_event_id) == ("", "", "2abc")


def fuzz_token(data: bytes) -> None:
    """A text is no token of ours, nor one of the issuer's."""
    part = urlsafe_b64encode(data).rstrip(b"=").decode()
    for text in (data.decode("latin-1"), f"{part}.e30.e30", f"{HEAD}.{part}.e30"):
        with suppress(KpiStreamError):
            header_of(text)
        for kind in Kind:
            with suppress(KpiStreamError):
                OTHERS.open(kind, text)
                raise AssertionError("a token was made up")
        with suppress(KpiStreamError):
            at_once(VERIFIER.verify(text))
            raise AssertionError("a token was made up")


def fuzz_mutated_token(data: bytes) -> None:
    """A token with any characters changed counts no more, or says the same."""
    whole = OWN.make(Kind.SESSION, CALLER, 2e9, id="id")
    text = whole
    for at, to in zip(data[::2], data[1::2], strict=False):
        place = (at * 7919 + to) % len(whole)
        text = text[:place] + chr(to) + text[place + 1 :]
    with suppress(KpiStreamError):
        opened = OWN.open(Kind.SESSION, text)
        assert opened.caller.grants == CALLER.grants and opened.caller.subject == "alice"
        assert text.rpartition(".")[0] == whole.rpartition(".")[0]


def fuzz_claims(data: bytes) -> None:
    """What the issuer signs is a caller that can be written everywhere, or is refused."""
    try:
        payload = json.loads(data)
    except (ValueError, RecursionError):
        payload = {CLAIM: data.decode("latin-1")}
    if not isinstance(payload, dict):
        payload = {CLAIM: payload}
    payload.setdefault("exp", int(time.time()) + 60)
    verify(jwt.api_jws.encode(json.dumps(payload).encode(), SECRET))
    verify(jwt.api_jws.encode(data, SECRET))


def verify(token: str) -> None:
    """Assert that a token is refused with what the client may be told, or can be used."""
    try:
        caller = at_once(VERIFIER.verify(token))
    except KpiStreamError as error:
        assert error.status == 401
        events.dumps(error.public)
        return
    assert caller.expires is not None and math.isfinite(caller.expires)
    assert caller.expires > time.time() - 1
    events.dumps([caller.subject, events.timestamp(int(caller.expires)), caller.grants.claim()])
    assert "\0" not in caller.subject
    assert Grants.parse(caller.grants.claim()) == caller.grants
    made = OWN.make(Kind.SESSION, caller, caller.expires)
    with suppress(KpiStreamError):  # its header of a session may be longer than is looked at
        assert OWN.open(Kind.SESSION, made).caller.grants == caller.grants


def at_once(coroutine: Any) -> Any:
    """Run what never waits, without the cost of an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    raise AssertionError("it waits")


TARGETS = {
    target.__name__.removeprefix("fuzz_"): target
    for target in (
        fuzz_cursor,
        fuzz_position,
        fuzz_channel,
        fuzz_request,
        fuzz_forwarded,
        fuzz_sse,
        fuzz_token,
        fuzz_mutated_token,
        fuzz_claims,
    )
}
