"""Streams and requests through each proxy, with its defaults and with the file that we ship."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from statistics import median

import httpx
import pytest

from app.settings import Settings
from tests.e2e.server_process import free_port
from tests.proxies.conftest import NOON, fill, write
from tests.proxies.kinds import KINDS, replaced, shipped
from tests.proxies.listening import listening, visiting
from tests.proxies.proxies import behind, leads, run
from tests.running import Gateway, open_gateway, until
from tests.soaking import sized
from tests.world import step

pytestmark = pytest.mark.slow

ALL = tuple(KINDS)
LONG_CODES = tuple(f"plant.line.station.{number:05}" for number in range(256))
TAKES_NO_LONG_URL = {"squid.conf": 400}
"""Squid takes 8 KB, as it was compiled."""


async def next_minute(gateway: Gateway, number: int, codes: tuple[str, ...] = ("sales",)) -> None:
    """Let a minute end that has a row, and publish it."""
    await write(gateway, codes, NOON + 60 * (number - 1))
    await gateway.hand.set(NOON + 60 * number)
    await step(gateway.service.hub)


@pytest.mark.parametrize("defaults", [False, True], ids=["shipped", "defaults"])
@pytest.mark.parametrize("name", ALL)
async def test_events_pass_at_once_and_a_stream_resumes(
    gateway: Gateway, name: str, defaults: bool
) -> None:
    """Nothing else is ever sent that would push an event out."""
    async with behind(name, gateway.port, defaults=defaults) as proxy, visiting(proxy) as client:
        async with listening(client, "/kpi/sales/stream?history=5") as stream:
            assert stream.response.headers["Content-Type"].startswith("text/event-stream")
            assert "Content-Encoding" not in stream.response.headers
            await stream.event("snapshot")
            for minute in (1, 2):
                await next_minute(gateway, minute)
                event = await stream.event("value")
        await next_minute(gateway, 3)
        cursor = {"Last-Event-ID": event.last_event_id}
        async with listening(client, "/kpi/sales/stream", cursor) as stream:
            assert (await stream.event("value", "snapshot", "reset")).event == "value"


async def test_haproxy_holds_an_event_back_by_default_and_not_as_shipped(gateway: Gateway) -> None:
    """By 0.2 s, without `option http-no-delay`: an event comes alone, so nothing fills a packet."""
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for defaults in seconds:
        async with (
            behind("haproxy.cfg", gateway.port, defaults=defaults) as proxy,
            visiting(proxy) as client,
            listening(client, "/kpi/sales/stream?history=5") as stream,
        ):
            await stream.event("snapshot")
            for minute in range(1, 6):
                await next_minute(gateway, minute if defaults else minute + 5)
                published = time.monotonic()
                await stream.event("value")
                seconds[defaults].append(time.monotonic() - published)
    assert median(seconds[False]) < median(seconds[True]) / 2


@pytest.mark.parametrize("name", ALL)
async def test_as_many_channels_as_there_may_be_open_and_resume(
    gateway: Gateway, name: str
) -> None:
    await fill(gateway, LONG_CODES)
    path = "/stream?history=1&" + "&".join(f"channel={code}:minute" for code in LONG_CODES)
    async with behind(name, gateway.port) as proxy, visiting(proxy) as client:
        if name in TAKES_NO_LONG_URL:
            assert (await client.get(path)).status_code == TAKES_NO_LONG_URL[name]
            return
        async with listening(client, path) as stream:
            for _ in LONG_CODES:
                await stream.event("snapshot")
            await next_minute(gateway, 1, LONG_CODES)
            for _ in LONG_CODES:
                event = await stream.event("value")
        assert len(event.last_event_id) > 25 * len(LONG_CODES)
        await next_minute(gateway, 2, LONG_CODES)
        async with listening(client, path, {"Last-Event-ID": event.last_event_id}) as stream:
            for _ in LONG_CODES:
                assert (await stream.event("value", "snapshot", "reset")).event == "value"


@pytest.mark.parametrize(
    ("name", "opened", "resumed"),
    [
        ("nginx.conf", 414, 414),
        ("haproxy.cfg", 200, 400),
        ("apache.conf", 414, 414),
        ("squid.conf", 400, 400),
        ("varnish.vcl", 200, 200),
        ("Caddyfile", 200, 200),
    ],
)
async def test_what_many_channels_get_by_default(
    gateway: Gateway, name: str, opened: int, resumed: int
) -> None:
    """As docs/proxies.md says."""
    await fill(gateway, LONG_CODES)
    path = "/stream?history=1&" + "&".join(f"channel={code}:minute" for code in LONG_CODES)
    cursor = {"Last-Event-ID": "c" * 27 * len(LONG_CODES)}
    async with (
        behind(name, gateway.port, defaults=True) as proxy,
        visiting(proxy) as client,
        listening(client, path) as first,
        listening(client, path, cursor) as second,
    ):
        statuses = first.response.status_code, second.response.status_code
        assert statuses == (opened, resumed)


@pytest.mark.parametrize("name", ALL)
async def test_a_stream_lives_on_pings_alone(quiet: Settings, name: str) -> None:
    beat = sized(0.2, soak=15.0)
    settings = quiet.model_copy(update={"heartbeat_seconds": beat})
    async with open_gateway(settings) as gateway:
        await fill(gateway)
        async with (
            behind(name, gateway.port) as proxy,
            visiting(proxy) as client,
            listening(client, "/kpi/sales/stream?history=5") as stream,
        ):
            for _ in range(sized(3, soak=6)):
                await stream.event("ping")


@pytest.mark.parametrize("name", ALL)
async def test_a_snapshot_is_asked_for_anew_by_its_tag(gateway: Gateway, name: str) -> None:
    """And none is answered by the proxy, which does not know who may see it."""
    async with behind(name, gateway.port) as proxy, visiting(proxy) as client:
        first = await client.get("/kpi/sales?history=5")
        assert first.status_code == 200
        known = {"If-None-Match": first.headers["ETag"]}
        assert (await client.get("/kpi/sales?history=5", headers=known)).status_code == 304
        await next_minute(gateway, 1)
        after = await client.get("/kpi/sales?history=5", headers=known)
        assert after.status_code == 200
        assert after.json()["current"] != first.json()["current"]
        unknown = await client.get("/kpi/nothing")
        assert unknown.status_code == 404
        assert unknown.headers["Content-Type"].startswith("application/problem+json")
        for path in ("/metrics", "/readyz"):
            assert (await client.get(path)).status_code in (403, 404)


@pytest.mark.parametrize("name", ALL)
async def test_a_client_that_leaves_leaves_the_gateway(quiet: Settings, name: str) -> None:
    """At once where the proxy watches its clients, else when pings can no longer be sent."""
    beat = 0.3 if name in LATE else 300.0
    async with open_gateway(quiet.model_copy(update={"heartbeat_seconds": beat})) as gateway:
        await fill(gateway)
        async with behind(name, gateway.port) as proxy, visiting(proxy) as client:
            async with listening(client, "/kpi/sales/stream?history=5") as stream:
                await stream.event("snapshot")
                await until(lambda: gateway.service.hub.listeners == 1)
            await until(lambda: gateway.service.hub.listeners == 0)


LATE = ("apache.conf",)
"""Those that find out that a client has gone only when there is something to send."""


@pytest.mark.parametrize("name", ALL)
async def test_the_address_arrives_and_cannot_be_made_up(quiet: Settings, name: str) -> None:
    settings = quiet.model_copy(update={"max_streams_per_address": 1})
    path = "/kpi/sales/stream?history=5"
    async with open_gateway(settings) as gateway:
        await fill(gateway)
        async with (
            behind(name, gateway.port) as proxy,
            visiting(proxy, address="127.0.0.2") as one,
            visiting(proxy, address="127.0.0.3") as other,
            listening(one, path) as first,
            listening(other, path) as second,
        ):
            await first.event("snapshot")
            await second.event("snapshot")
            for header in (
                {"X-Forwarded-For": "192.0.2.9"},
                {"X-Forwarded-For": "127.0.0.1"},
                {"Forwarded": "for=192.0.2.9"},
                {"X-Forwarded-For": "192.0.2.9", "Forwarded": "for=192.0.2.9"},
            ):
                async with listening(one, path, header) as third:
                    await third.rest()
                    assert "KPI_MAX_STREAMS_PER_ADDRESS" in third.sse.comments[0]


@pytest.mark.parametrize("name", [name for name in ALL if KINDS[name].tls])
async def test_a_browser_speaks_http2_with_it(gateway: Gateway, name: str) -> None:
    async with (
        behind(name, gateway.port) as proxy,
        visiting(proxy, http2=True) as client,
        listening(client, "/kpi/sales/stream?history=5") as one,
        listening(client, "/stream?channel=sales:minute&history=5") as other,
    ):
        assert one.response.http_version == "HTTP/2"
        for stream in (one, other):
            await stream.event("snapshot")
        await next_minute(gateway, 1)
        for stream in (one, other):
            await stream.event("value")


@pytest.mark.parametrize("name", ALL)
async def test_a_gateway_that_is_away_is_come_back_to(quiet: Settings, name: str) -> None:
    """An EventSource gets what makes it come again, and all is as before once it is back."""
    port = free_port()
    path = "/kpi/sales/stream?history=5"
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(AsyncExitStack())
        gateway = await first.enter_async_context(open_gateway(quiet, port))
        await fill(gateway)
        proxy = await stack.enter_async_context(behind(name, port))
        client = await stack.enter_async_context(visiting(proxy))
        await first.aclose()
        if name in CLOSES_WITHOUT_ANSWER:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(path)
        elif name in ENDS_AN_EVENT_SOURCE:
            assert (await client.get(path)).status_code in (502, 503, 504)
        else:
            async with listening(client, path) as stream:
                assert stream.response.status_code == 200
                assert stream.response.headers["Content-Type"].startswith("text/event-stream")
                with pytest.raises(EOFError):
                    await stream.event()
                assert stream.sse.retry_milliseconds == (None if name == "haproxy.cfg" else 5000)
        assert (await client.get("/kpi/sales")).status_code in (502, 503, 504)
        await stack.enter_async_context(open_gateway(quiet, port))
        await leads(proxy)
        async with listening(client, path) as stream:
            await stream.event("snapshot")


CLOSES_WITHOUT_ANSWER = ("varnish.vcl",)
"""Which is a network error to an EventSource, after which it comes again too."""

ENDS_AN_EVENT_SOURCE = ("apache.conf", "squid.conf")
"""Those that cannot answer 200 in place of a gateway."""


async def test_requests_with_pauses_share_a_connection_and_none_fails(quiet: Settings) -> None:
    """The gateway waits a quarter longer than the proxy, as its default does: 75 s after 60."""
    settings = quiet.model_copy(update={"keep_alive_seconds": 0.75})
    kind = KINDS["nginx.conf"]
    text = replaced(shipped(kind.name), {"keepalive_timeout 60s": "keepalive_timeout 600ms"})
    async with (
        open_gateway(settings) as gateway,
        run(kind, gateway.port, text, tls=True) as proxy,
        visiting(proxy) as client,
    ):
        metrics = gateway.service.metrics
        assert (await client.post("/session")).status_code == 200
        opened = metrics.connections_opened
        for _ in range(3):
            await asyncio.sleep(0.2)
            assert (await client.post("/session")).status_code == 200  # nginx repeats no POST
        assert metrics.connections_opened == opened
        for pause in (0.55, 0.58, 0.6, 0.62, 0.7, 0.75, 0.8):
            await asyncio.sleep(pause)
            assert (await client.post("/session")).status_code == 200
