"""How Redis is reached: with a bound on every wait, and no retries behind our back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, InvalidResponse, NoPermissionError, RedisError

from ...cancellation import cancellation_wins
from ...data.address import require_escaped, unreadable
from ...errors import ConfigurationError, MessagingUnavailableError

ANSWER_SECONDS = 2.0
"""How long Redis may take to answer, or to be connected to."""

_VARIABLE = "KPI_REDIS_URL"
_EXAMPLE = "redis://:password@host:6379/0, rediss:// with TLS, or unix:///run/redis.sock"
_SCHEME = re.compile(r"(redis|rediss|unix)://")
_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


def connect(url: str) -> Redis:
    """Return a client, which connects when it is first used.

    Raises ConfigurationError, which shows no part of the password.
    """
    scheme = _SCHEME.match(url)
    if scheme is None:
        raise ConfigurationError(f"{_VARIABLE} must be such as {_EXAMPLE}")
    if scheme[1] != "unix":
        require_escaped(url[scheme.end() :], _VARIABLE)
    try:
        client: Redis = Redis.from_url(
            url,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
            client_name="kpi-stream",
        )
        pool = client.connection_pool
        # Parameters that the library does not know show only when it makes a connection.
        pool.connection_class(**pool.connection_kwargs)
    except TypeError as error:
        name = re.search(r"'(\w+)'$", str(error))
        named = f"the parameter {name[1]}" if name else "a parameter"
        raise ConfigurationError(f"leave {named} out of {_VARIABLE}: it is unknown") from None
    except (ValueError, RedisError):
        # The message may quote the password.
        raise ConfigurationError(f"{_VARIABLE} is no URL such as {_EXAMPLE}") from None
    _require_files(pool.connection_kwargs)
    return client


def _require_files(words: dict[str, object]) -> None:
    for name in _FILES:
        if words.get(name):
            try:
                Path(str(words[name])).open("rb").close()
            except OSError as error:
                raise unreadable(name, _VARIABLE, words[name], error) from None


@contextmanager
def explained() -> Iterator[None]:
    """Raise what means that Redis is away, or refuses us, as MessagingUnavailableError.

    A cancellation wins over whatever was raised on its way out.
    """
    try:
        with cancellation_wins():
            yield
    except (RedisError, OSError, TimeoutError) as error:
        raise MessagingUnavailableError(_sentence(error)) from error


def _sentence(error: Exception) -> str:
    """Return what is wrong, with what to do where trying again alone will not help."""
    said = str(error) or type(error).__name__
    # The library wraps a refusal while it connects; without a password Redis refuses the greeting.
    if isinstance(error.__cause__ or error, AuthenticationError) or "authenticated" in said:
        return f"Redis refuses the user or password ({said}): mend {_VARIABLE}"
    if isinstance(error.__cause__ or error, NoPermissionError):
        return f"Redis does not let this user do it ({said}): give it the right, on keys kpi:*"
    if isinstance(error, InvalidResponse):
        return f"what answers at {_VARIABLE} is no Redis ({said[:100]})"
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return (
            f"Redis has a certificate that is not trusted ({said}): name the file of its "
            f"authority in {_VARIABLE}, as in rediss://host:6379?ssl_ca_certs=/path/ca.pem"
        )
    return f"Redis does not answer ({said})"
