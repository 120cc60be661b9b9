"""What a client reads when its socket is detached, byte for byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.live.detach import SocketOffer
from app.live.fanout import Subscription
from app.live.subscriber import Payload, QueuedSubscriber
from app.server.request_handler import _Offer
from tests.server.clients import connected, connected_http2
from tests.server.leftovers import leftovers, tasks
from tests.server.stage import PREAMBLE, Stage, running, trusting


async def test_chunks_are_well_formed_to_a_proper_end(stage: Stage) -> None:
    async with running(stage), connected(stage.port) as client:
        head = await client.get("/stream")
        assert dict(head.headers)[b"transfer-encoding"] == b"chunked"
        assert await client.body(len(PREAMBLE)) == PREAMBLE
        await stage.listeners(1)
        for number in range(50):
            stage.deliver(b"%d" % number)
        stage.stop.request()
        assert await client.rest() == b"".join(b"data: %d\n\n" % n for n in range(50))
        assert await client.reader.read() == b""


async def test_http_1_0_gets_the_same_without_chunks(stage: Stage) -> None:
    async with running(stage), connected(stage.port) as client:
        client.writer.write(b"GET /stream HTTP/1.0\r\nHost: localhost\r\n\r\n")
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert b"transfer-encoding" not in head.lower()
        assert await client.reader.readexactly(len(PREAMBLE)) == PREAMBLE
        await stage.listeners(1)
        await stage.publish(b"one", b"two")
        stage.stop.request()
        assert await client.reader.read() == b"data: one\n\ndata: two\n\n"


async def test_over_tls(stage: Stage, certificate: tuple[Path, Path]) -> None:
    async with (
        running(stage, certificate=certificate),
        connected(stage.port, tls=trusting(certificate[0])) as client,
    ):
        await client.get("/stream")
        assert await client.body(len(PREAMBLE)) == PREAMBLE
        await stage.listeners(1)
        assert await leftovers() == []
        await stage.publish(b"one", b"two")
        stage.stop.request()
        assert await client.rest() == b"data: one\n\ndata: two\n\n"


@pytest.mark.parametrize("encrypted", [True, False], ids=["tls", "prior-knowledge"])
async def test_http_2_streams_are_not_detached(
    stage: Stage, certificate: tuple[Path, Path], *, encrypted: bool
) -> None:
    tls = trusting(certificate[0], "h2") if encrypted else None
    async with (
        running(stage, certificate=certificate if encrypted else None, http2=True),
        connected_http2(stage.port, tls=tls) as client,
    ):
        streams = [client.get("/stream") for _ in range(3)]
        for number in streams:
            assert await client.until(number, len(PREAMBLE)) == PREAMBLE
        await stage.listeners(3, detached=False)
        await stage.publish(b"one", b"two")
        assert await client.until(client.get("/short"), None) == b"short"
        stage.stop.request()
        for number in streams:
            body = await client.until(number, None)
            assert body == PREAMBLE + b"data: one\n\ndata: two\n\n"


async def test_a_thousand_requests_do_not_end_a_stream_beside_them(stage: Stage) -> None:
    async with running(stage, http2=True), connected_http2(stage.port) as client:
        number = client.get("/stream")
        await client.until(number, len(PREAMBLE))
        for _ in range(1010):
            assert await client.until(client.get("/short"), None) == b"short"
        stage.deliver(b"still here")
        body = await client.until(number, len(PREAMBLE) + 18)
        assert body.endswith(b"data: still here\n\n")


@pytest.mark.parametrize("version", ["--http1.0", "--http1.1", "--http2-prior-knowledge"])
async def test_curl_reads_it_to_the_end(stage: Stage, version: str) -> None:
    async with running(stage, http2=True):
        command = ["curl", "-sSN", version, f"http://127.0.0.1:{stage.port}/stream"]
        curl = await asyncio.create_subprocess_exec(*command, stdout=-1, stderr=-1)
        await stage.listeners(1, detached="http2" not in version)
        await stage.publish(b"one", b"two")
        stage.stop.request()
        output, errors = await curl.communicate()
        assert (curl.returncode, errors) == (0, b"")
        assert output == PREAMBLE + b"data: one\n\ndata: two\n\n"


async def test_what_the_queue_holds_is_sent_first_and_in_order(stage: Stage) -> None:
    class Busy(Stage):
        async def stream(self, offer: SocketOffer | None) -> AsyncIterator[bytes]:
            assert offer is not None
            queue = QueuedSubscriber(asyncio.get_running_loop().time() + 60, self.metrics)
            self.group.join(queue)
            subscription = Subscription(self.group, queue, lambda _: None)
            yield PREAMBLE
            self.deliver(b"1")
            self.deliver(b"2")
            await asyncio.sleep(0)
            self.deliver(b"3")
            under_way = list(self.group.members)  # a burst that began before the hand-over
            assert await offer.detach(subscription)
            for member in under_way:
                member.deliver(Payload(b"data: 4\n\n"))
            self.deliver(b"5")
            await asyncio.sleep(60)

    busy = Busy()
    async with running(busy), connected(busy.port) as client:
        await client.get("/stream")
        await client.body(len(PREAMBLE))
        await busy.listeners(1)
        busy.stop.request()
        assert await client.rest() == b"".join(b"data: %d\n\n" % n for n in range(1, 6))


async def test_a_stream_has_no_task_and_no_request(stage: Stage) -> None:
    async with running(stage):
        before = await tasks()
        async with connected(stage.port) as one, connected(stage.port) as two:
            for client in (one, two):
                await client.get("/stream")
            await stage.listeners(2)
            assert await tasks() == before
            assert await leftovers() == []


@pytest.mark.parametrize("after_detaching", [True, False])
async def test_a_client_that_leaves_frees_everything(
    stage: Stage, *, after_detaching: bool
) -> None:
    async with running(stage):
        before = await tasks()
        for _ in range(20):
            async with connected(stage.port) as client:
                if after_detaching:
                    await client.get("/stream")
                    await stage.listeners(1)
                else:
                    client.writer.write(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    await client.writer.drain()
            await stage.listeners(0)
        assert await tasks() == before
        assert await leftovers() == []


async def test_a_connection_can_be_used_before_it_becomes_a_stream(stage: Stage) -> None:
    async with running(stage), connected(stage.port) as client:
        for _ in range(3):
            await client.get("/short")
            assert await client.rest() == b"short"
            client.parser.start_next_cycle()
        await client.get("/stream")
        await stage.listeners(1)
        stage.deliver(b"one")
        assert await client.body(len(PREAMBLE) + 11) == PREAMBLE + b"data: one\n\n"


async def test_a_stream_that_was_closed_is_not_detached(stage: Stage) -> None:
    class Closing(Stage):
        async def stream(self, offer: SocketOffer | None) -> AsyncIterator[bytes]:
            assert offer is not None
            queue = QueuedSubscriber(asyncio.get_running_loop().time() + 60, self.metrics)
            self.group.join(queue)
            subscription = Subscription(self.group, queue, lambda _: None)
            yield PREAMBLE
            queue.close()
            assert not await offer.detach(subscription)
            subscription.leave()

    closing = Closing()
    async with running(closing), connected(closing.port) as client:
        await client.get("/stream")
        assert await client.rest() == PREAMBLE


async def test_unread_bytes_prevent_detaching(stage: Stage) -> None:
    class Chatty(Stage):
        async def stream(self, offer: SocketOffer | None) -> AsyncIterator[bytes]:
            queue = QueuedSubscriber(asyncio.get_running_loop().time() + 60, self.metrics)
            self.group.join(queue)
            subscription = Subscription(self.group, queue, lambda _: None)
            yield PREAMBLE
            assert isinstance(offer, _Offer)
            # As if the event loop had read them in the turn that led here.
            connection = offer._detach.__self__  # type: ignore[union-attr]
            connection.data_received(b"GET /short HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert not await offer.detach(subscription)
            subscription.leave()

    chatty = Chatty()
    async with running(chatty), connected(chatty.port) as client:
        await client.get("/stream")
        assert await client.rest() == PREAMBLE


async def test_an_offer_is_good_for_its_own_request_only(stage: Stage) -> None:
    kept: list[SocketOffer] = []

    class Keeping(Stage):
        async def stream(self, offer: SocketOffer | None) -> AsyncIterator[bytes]:
            assert offer is not None
            kept.append(offer)
            queue = QueuedSubscriber(asyncio.get_running_loop().time() + 60, self.metrics)
            self.group.join(queue)
            subscription = Subscription(self.group, queue, lambda _: None)
            if len(kept) == 2:
                assert not await kept[0].detach(subscription)
            yield PREAMBLE
            subscription.leave()

    keeping = Keeping()
    async with running(keeping), connected(keeping.port) as client:
        for _ in range(2):
            await client.get("/stream")
            assert await client.rest() == PREAMBLE
            client.parser.start_next_cycle()
    assert len(kept) == 2


@pytest.mark.parametrize(("method", "offered"), [("GET", "yes"), ("HEAD", "no"), ("POST", "no")])
async def test_only_a_get_gets_an_offer(stage: Stage, method: str, offered: str) -> None:
    async with running(stage), connected(stage.port) as client:
        request = f"{method} /offered HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
        client.writer.write(request.encode())
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert f"x-offered: {offered}".encode() in head.lower()
