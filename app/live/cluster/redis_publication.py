"""The publisher's side of Redis: which topics somebody listens to, and what is said on them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from redis.asyncio import Redis

from ...errors import LeadershipLostError
from .messages import BEAT_TOPIC, TOPICS, Beat
from .redis_link import ANSWER_SECONDS, connect, explained

_SCRIPT_MESSAGES = 500
"""Messages in one script, which holds Redis up for about a millisecond."""

_FENCE = "kpi:epoch"
_FENCE_MILLISECONDS = 60_000
"""How long a publisher of an older epoch is refused after the last word of a newer one; for ever
would shut out everybody once the database is replaced by another that counts from the start."""

_PUBLISH = """
local newest = redis.call('GET', KEYS[1])
if newest and tonumber(newest) > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
for i = 3, #ARGV, 2 do redis.call('PUBLISH', ARGV[i], ARGV[i + 1]) end
return 1
"""
"""Looking at the epoch and publishing are one step: a publisher that was frozen in between and
wakes up after its successor has spoken is refused by Redis itself."""


class RedisPublication:
    """A client of Redis that publishes; `async with` it.

    All raise MessagingUnavailableError while Redis is away.
    """

    def __init__(self, url: str) -> None:
        self._client: Redis = connect(url)
        self._publish = self._client.register_script(_PUBLISH)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def reachable(self) -> None:
        """Return if Redis answers."""
        with explained():
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._client.ping()

    async def topics(self) -> list[str]:
        """Return the topics of channels that somebody listens to: Redis keeps account of that."""
        with explained():
            async with asyncio.timeout(ANSWER_SECONDS):
                names = await self._client.pubsub_channels(TOPICS)
        return [name.decode() if isinstance(name, bytes) else name for name in names]

    async def publish(self, beat: Beat, messages: Sequence[tuple[str, bytes]]) -> None:
        """Publish messages on their topics, and a beat after each script's worth of them.

        Raises LeadershipLostError where a publisher of a later epoch has spoken before.
        """
        for first in range(0, max(len(messages), 1), _SCRIPT_MESSAGES):
            some = [*messages[first : first + _SCRIPT_MESSAGES], (BEAT_TOPIC, beat.encode())]
            await self._send(beat.epoch, some)

    async def _send(self, epoch: int, messages: Iterable[tuple[str, bytes]]) -> None:
        words = [word for message in messages for word in message]
        with explained():
            async with asyncio.timeout(ANSWER_SECONDS):
                accepted = await self._publish(
                    keys=[_FENCE], args=[epoch, _FENCE_MILLISECONDS, *words]
                )
        if not accepted:
            raise LeadershipLostError("a publisher that was elected later has spoken")
