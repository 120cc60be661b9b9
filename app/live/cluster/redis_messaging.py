"""A gateway's side of Redis: it listens to the topics of the channels that somebody listens to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from itertools import islice

from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from ...backoff import Backoff
from ...cancellation import cancellation_wins
from ...errors import MessagingUnavailableError
from ...grid import Grids
from ...metrics import Metrics
from ...models import Channel
from .consumer import Consumer
from .messages import BEAT_TOPIC, Beat, Message, topic
from .redis_link import ANSWER_SECONDS, connect, explained

SILENCE_SECONDS = 4.0
"""Without a beat for so long messages do not flow; longer than it takes to elect a publisher."""

SETTLE_SECONDS = 0.25
"""How long a first listener waits for its topics rather than have the database asked twice."""

RECONNECT_SECONDS = (0.1, 2.0)

_COMMAND_TOPICS = 500
"""Topics in one command."""

_log = logging.getLogger(__name__)


class RedisMessaging:
    """One connection with a subscription for each channel, made again when it breaks.

    Redis closes the connection of a client that reads too slowly; what was missed is read from the
    database.
    """

    def __init__(self, url: str, grids: Grids, metrics: Metrics) -> None:
        self._grids = grids
        self._client: Redis = connect(url)
        self._metrics = metrics
        self._wanted: dict[str, Channel] = {}
        self._asked: set[str] = set()
        self._subscribed: set[str] = set()
        self._changed = asyncio.Event()
        self._progress = asyncio.Condition()
        self._connected = False
        self._epoch = 0
        self._unreadable = False
        self._silence: asyncio.TimerHandle | None = None

    @property
    def flowing(self) -> bool:
        """Whether a publisher leads and its messages arrive."""
        return self._silence is not None

    def subscribe(self, channel: Channel) -> None:
        """Listen to a channel from soon on."""
        self._wanted[topic(channel, self._grids[channel.period])] = channel
        self._changed.set()

    def unsubscribe(self, channel: Channel) -> None:
        """Listen to it no more."""
        self._wanted.pop(topic(channel, self._grids[channel.period]), None)
        self._changed.set()

    async def settled(self, channels: Collection[Channel]) -> None:
        """Wait, for a bounded time, until nothing is missed on these channels any more."""
        topics = {topic(channel, self._grids[channel.period]) for channel in channels}
        try:
            async with asyncio.timeout(SETTLE_SECONDS), self._progress:
                while self._connected and not topics <= self._subscribed:
                    await self._progress.wait()
        except TimeoutError:
            return

    async def run(self, consumer: Consumer) -> None:
        """Listen until cancelled, connecting again whenever the connection breaks."""
        backoff = Backoff(*RECONNECT_SECONDS)
        reason = ""
        try:
            while True:
                try:
                    await self._session(consumer)
                except MessagingUnavailableError as error:
                    self._metrics.messaging_failures += 1
                    if self._connected:
                        backoff.reset()
                        reason = ""
                    if reason != str(error):
                        reason = str(error)
                        _log.warning("polling for ourselves: %s", reason)
                except Exception:  # a fault of ours must not end the messages for good
                    _log.exception("polling for ourselves: taking in messages failed")
                finally:
                    await self._disconnected(consumer)
                await asyncio.sleep(backoff.next_seconds())
        finally:
            await self._client.aclose()

    async def _session(self, consumer: Consumer) -> None:
        """Listen over one connection until it breaks; raises MessagingUnavailableError."""
        async with self._client.pubsub() as pubsub:
            with explained():
                await pubsub.subscribe(BEAT_TOPIC)
            try:
                with cancellation_wins():
                    async with asyncio.TaskGroup() as group:
                        group.create_task(self._keep_subscribed(pubsub))
                        await self._listen(pubsub, consumer)
            except ExceptionGroup as errors:
                with explained():
                    raise errors.exceptions[0] from None

    async def _keep_subscribed(self, pubsub: PubSub) -> None:
        """Ask for what is wanted and no more; the answers come among the messages."""
        while True:
            self._changed.clear()
            for command, topics in (
                (pubsub.unsubscribe, self._asked - self._wanted.keys()),
                (pubsub.subscribe, self._wanted.keys() - self._asked),
            ):
                left = iter(topics)
                while some := list(islice(left, _COMMAND_TOPICS)):
                    self._asked.symmetric_difference_update(some)
                    self._subscribed.difference_update(some)
                    with cancellation_wins():
                        await command(*some)
            await self._changed.wait()

    async def _listen(self, pubsub: PubSub, consumer: Consumer) -> None:
        asked = False
        while True:
            patience = ANSWER_SECONDS if asked else SILENCE_SECONDS
            with cancellation_wins():
                found = await pubsub.get_message(timeout=patience)
            if found is None:
                if asked:
                    raise TimeoutError("no answer to a ping")
                asked = True
                await pubsub.ping()
                continue
            asked = False
            name = (found["channel"] or b"").decode()
            if found["type"] == "message":
                await self._take(name, found["data"], consumer)
            elif found["type"] == "subscribe":
                await self._confirmed(name, consumer)

    async def _take(self, name: str, data: bytes, consumer: Consumer) -> None:
        """Hand on one message, unless it is of a publisher that was replaced."""
        try:
            if name == BEAT_TOPIC:
                await self._take_beat(Beat.decode(data), consumer)
            elif (channel := self._wanted.get(name)) is not None:
                self._take_message(channel, data, consumer)
        except ValueError as error:
            self._log_unreadable(name, error)

    async def _take_beat(self, beat: Beat, consumer: Consumer) -> None:
        if beat.epoch >= self._epoch:
            self._epoch = beat.epoch
            self._notice_beat(consumer)
            await consumer.show(beat)

    def _take_message(self, channel: Channel, data: bytes, consumer: Consumer) -> None:
        try:
            message = Message.decode(data)
        except ValueError:
            consumer.lost(channel)
            raise
        if message.epoch >= self._epoch:
            self._epoch = message.epoch
            self._metrics.messages_received += 1
            consumer.take(channel, message)

    def _log_unreadable(self, name: str, error: ValueError) -> None:
        """Say once a connection that somebody publishes what cannot be read: it may go on so."""
        if not self._unreadable:
            self._unreadable = True
            _log.error("a message on %s cannot be read, as of another release: %s", name, error)

    async def _confirmed(self, name: str, consumer: Consumer) -> None:
        if name == BEAT_TOPIC:
            self._connected = True
            return
        channel = self._wanted.get(name)
        if channel is not None and name in self._asked:
            self._subscribed.add(name)
            consumer.subscribed([channel])
            async with self._progress:
                self._progress.notify_all()

    def _notice_beat(self, consumer: Consumer) -> None:
        began = self._silence is None
        if self._silence is not None:
            self._silence.cancel()
        loop = asyncio.get_running_loop()
        self._silence = loop.call_later(SILENCE_SECONDS, self._fell_silent, consumer)
        if began:
            _log.info("messages flow")
            consumer.changed()

    def _fell_silent(self, consumer: Consumer) -> None:
        _log.warning("polling for ourselves: no publisher is heard")
        self._ceased(consumer)

    def _ceased(self, consumer: Consumer) -> None:
        self._silence = None
        # Whoever speaks next was elected, however the epochs are counted now.
        self._epoch = 0
        consumer.changed()

    async def _disconnected(self, consumer: Consumer) -> None:
        self._connected = self._unreadable = False
        self._asked.clear()
        self._subscribed.clear()
        if self._silence is not None:
            self._silence.cancel()
            self._ceased(consumer)
        async with self._progress:
            self._progress.notify_all()
