"""How Redis is reached: with a bound on every wait, and no retries behind our back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from ...errors import ConfigurationError, MessagingUnavailableError

ANSWER_SECONDS = 2.0
"""How long Redis may take to answer, or to be connected to."""


def connect(url: str) -> Redis:
    """Return a client, which connects when it is first used; raise ConfigurationError."""
    try:
        client: Redis = Redis.from_url(
            url,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
            client_name="kpi-stream",
        )
    except ValueError as error:
        raise ConfigurationError(f"KPI_REDIS_URL is not usable: {error}") from None
    return client


@contextmanager
def explained() -> Iterator[None]:
    """Raise what means that Redis is away as MessagingUnavailableError."""
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise MessagingUnavailableError(
            f"Redis does not answer ({str(error) or type(error).__name__})"
        ) from error
