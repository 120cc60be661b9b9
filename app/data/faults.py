"""What asyncpg raises, as our own errors: away for now, or not fit until somebody mends it."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

from ..cancellation import cancellation_wins
from ..errors import (
    ConfigurationError,
    DatabaseUnavailableError,
    InvalidRowsError,
    KpiStreamError,
    causes,
)

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

LINK_DROPPED = (
    ConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.IdleSessionTimeoutError,
    # What asyncpg says of a link that drops between two messages of one statement.
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
)
STATEMENT_LOST = (asyncpg.DuplicatePreparedStatementError, asyncpg.InvalidSQLStatementNameError)
"""A pooler gave another session to the same link between preparing a statement and asking it."""

AWAY = (
    *LINK_DROPPED,
    *STATEMENT_LOST,
    OSError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.QueryCanceledError,
    asyncpg.TransactionRollbackError,
)
_MISCONFIGURED = (
    asyncpg.CannotCoerceError,
    asyncpg.ClientConfigurationError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
    asyncpg.UndefinedTableError,
    asyncpg.UnsupportedClientFeatureError,
    asyncpg.UnsupportedServerFeatureError,
    ssl.SSLCertVerificationError,
)

_REFUSED_BY_A_POOLER = re.compile(
    r"unsupported (startup parameter|pool_mode)|no such (database|user)|not allowed|auth\w* failed"
    r"|(SSL|TLS) required|is disabled|tenant or user not found",
    re.IGNORECASE,
)
"""What PgBouncer and its kin say with the same SQLSTATE as of an outage."""

_NO_ROOM = re.compile(r"No space left on device|Disk quota exceeded|File too large")
"""What PostgreSQL says in front of it: `could not write`, `could not extend file` and others."""

PUBLIC_AWAY = "the database does not answer"
PUBLIC_FULL = "the database's disk is full"
PUBLIC_REFUSED = "the database's own rules do not take a row; nothing was written"
_PLACE = re.compile(r"Connect call failed \('([^']+)', (\d+)")

PUBLIC_MISFIT = "the database cannot be used as it is; the server's log says why"


@contextmanager
def explained(variable: str) -> Iterator[None]:
    """Raise what means that the database is away, too slow or not fit as our own errors.

    A cancellation wins over whatever was raised on its way out. `variable` is the setting that
    names the database.
    """
    try:
        # A statement that is given up may time out, or break, while it is taken back.
        with cancellation_wins():
            yield
    except Exception as error:
        known = _known(error, variable)
        if known is None:
            raise
        raise known from error


def _known(error: Exception, variable: str) -> KpiStreamError | None:
    if isinstance(error, KpiStreamError):
        return None
    reason = _misfit(error)
    if reason is not None:
        return ConfigurationError(
            f"the database that {variable} names cannot be used: {reason}", public=PUBLIC_MISFIT
        )
    if isinstance(error, asyncpg.DiskFullError) or _NO_ROOM.search(_said(error)):
        return DatabaseUnavailableError(
            f"{PUBLIC_FULL} ({_said(error)}); make room on it",
            public=PUBLIC_FULL,
        )
    if isinstance(error, AWAY):
        return DatabaseUnavailableError(f"{PUBLIC_AWAY} ({_said(error)})", public=PUBLIC_AWAY)
    return None


def _misfit(error: Exception) -> str | None:
    """Return what the operator has to mend; None where trying again may help."""
    said = _said(error)
    if isinstance(error, asyncpg.ProtocolViolationError):
        return said if _REFUSED_BY_A_POOLER.search(said) else None
    if isinstance(error, asyncpg.UndefinedObjectError) and "configuration parameter" in said:
        return f"{said}; leave it out of the URL"
    if isinstance(error, asyncpg.ObjectNotInPrerequisiteStateError):
        return f"{said}; run REFRESH MATERIALIZED VIEW" if "been populated" in said else None
    if "root certificate file" in said:
        return (
            "sslmode asks to verify its certificate: name the file of its authority with "
            "sslrootcert, or write sslrootcert=system for those that this system trusts"
        )
    if (alert := _tls_alert(error)) is not None:
        return (
            f"it refuses the TLS handshake ({alert}); if that is of a certificate, mend sslcert "
            "and sslkey in the URL"
        )
    if isinstance(error, UnicodeError):
        return "a host in the URL is no host name"
    if isinstance(error, ConnectionError) and "rejected SSL upgrade" in said:
        return "it does not speak TLS, which sslmode asks for; sslmode=prefer takes what there is"
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return (
            f"{said}: it is a standby, or default_transaction_read_only is on; this needs the "
            "server that can be written"
        )
    return said if isinstance(error, _MISCONFIGURED) else None


def _tls_alert(error: BaseException) -> str | None:
    """Return what the server said of the handshake; of TLS 1.3 it comes after the connection."""
    for cause in causes(error):
        if isinstance(cause, ssl.SSLError) and "ALERT" in str(cause.reason):
            return str(cause.reason).lower().replace("_", " ")
    return None


def _said(error: Exception) -> str:
    """Return an error in one line; PostgreSQL's may have several."""
    if isinstance(error, asyncpg.PostgresError) and error.message:
        return error.message
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return "no host in the URL is as its target_session_attrs asks"
    if isinstance(error, socket.gaierror):
        return f"its host is not known here: {error.strerror}"
    if isinstance(error, ConnectionRefusedError):
        place = _PLACE.search(str(error))
        return (
            f"nothing listens at {place[1]}, port {place[2]}" if place else "nothing listens there"
        )
    if isinstance(error, FileNotFoundError):
        return "no PostgreSQL has its socket in the folder that is its host"
    return " ".join(str(error).split()) or type(error).__name__


@contextmanager
def refusals_explained(what: str) -> Iterator[None]:
    """Raise whatever else the database says of a statement as a ConfigurationError.

    What is asked for may be a view, a table or a trigger of somebody else's, which can fail in any
    way. To be put around what `explained` is in.
    """
    try:
        yield
    except asyncpg.PostgresError as error:
        raise ConfigurationError(f"{what}: {_said(error)}", public=PUBLIC_MISFIT) from error


REFUSED_ROWS = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.RaiseError,
    asyncpg.WithCheckOptionViolationError,
)
"""What a database says whose own rules, types or triggers do not take a row."""


@contextmanager
def rows_explained() -> Iterator[None]:
    """Raise what the database's own rules say of rows as an InvalidRowsError."""
    try:
        yield
    except REFUSED_ROWS as error:
        raise InvalidRowsError(
            f"the database does not take a row: {_said(error)}", public=PUBLIC_REFUSED
        ) from error


@contextmanager
def dropped_explained(connection: Connection) -> Iterator[None]:
    """Tell a connection that was lost, which asyncpg calls a wrong use, from a wrong use."""
    try:
        yield
    except asyncpg.InterfaceError as error:
        if _is_lost(connection):
            raise ConnectionError(str(error)) from error
        raise


def _is_lost(connection: Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        # The pool takes a connection back the moment that it breaks.
        return True
