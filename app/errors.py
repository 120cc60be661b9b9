"""The one tree of exceptions; `app.http.problems` turns each into problem+json."""

from __future__ import annotations

from collections.abc import Iterator


class KpiStreamError(Exception):
    """Anything this project raises on purpose; `status` is what HTTP says of it.

    `public` is what may leave the process; the message may name hosts, users and databases, and
    is for the operator. `retry_after_seconds` is of those that may be over when asked again.
    """

    status = 500
    title = "Internal error"
    retry_after_seconds: int | None = None

    def __init__(self, message: str = "", *, public: str | None = None) -> None:
        super().__init__(message)
        self.public = message if public is None else public


class InvalidCodeError(KpiStreamError):
    """A KPI code with characters or a length that no KPI can have."""

    status = 400
    title = "Invalid KPI code"


class InvalidParameterError(KpiStreamError):
    """A parameter out of its range or of the wrong form."""

    status = 422
    title = "Invalid parameter"


class InvalidRowsError(KpiStreamError):
    """Rows that cannot be written as they are."""

    status = 422
    title = "Invalid rows"


class InvalidFormulaError(KpiStreamError):
    """A formula that cannot be read, or that nothing can be computed from."""

    status = 422
    title = "Invalid formula"


class UnknownKpiError(KpiStreamError):
    """A KPI that neither the catalogue nor the data knows."""

    status = 404
    title = "Unknown KPI"


class InvalidDescriptionError(KpiStreamError):
    """What the catalogue cannot be told of a KPI."""

    status = 422
    title = "Invalid description"


class AdoptionError(KpiStreamError):
    """A table that cannot be shown as KPIs as it was asked."""

    title = "Cannot be adopted"


class NoValuesError(KpiStreamError):
    """A channel that the database's views cannot give values for, or whose formula is wrong."""

    status = 422
    title = "No values"


class UnknownBoardError(KpiStreamError):
    """A board that the server does not keep."""

    status = 404
    title = "Unknown board"


class BoardChangedError(KpiStreamError):
    """A board that somebody else has changed meanwhile (RFC 9110, 13.1.1)."""

    status = 412
    title = "Changed meanwhile"


class ConditionMissingError(KpiStreamError):
    """A change that does not say of which version (RFC 6585, 3)."""

    status = 428
    title = "Condition missing"


class TooLargeError(KpiStreamError):
    """A body that is larger than anything that could be meant."""

    status = 413
    title = "Too large"


class NotKeptError(KpiStreamError):
    """A database that keeps no boards, or no raw rows: they are somewhere else, or nowhere."""

    status = 501
    title = "Not kept here"


class UnavailableError(KpiStreamError):
    """Something this request needs is away for now; try again after `retry_after_seconds`."""

    status = 503
    title = "Temporarily unavailable"
    retry_after_seconds = 5


class DatabaseUnavailableError(UnavailableError):
    """The database did not answer, or not in time."""


class MessagingUnavailableError(UnavailableError):
    """Redis did not answer, or not in time."""


class LeadershipLostError(UnavailableError):
    """This process is no longer the one that publishes."""


class OverloadedError(UnavailableError):
    """As many streams are open as the settings allow."""

    status = 429
    title = "Too many streams"


class TooManyStreamsError(OverloadedError):
    """As many streams of one address or subject are open as the settings allow."""


class TooManyRequestsError(UnavailableError):
    """More requests a second of one address or subject than the settings allow."""

    status = 429
    title = "Too many requests"

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class ConfigurationError(KpiStreamError):
    """A setting, or the database it points at, that this project cannot work with.

    To a client that is an outage: the operator can mend it, and the client cannot.
    """

    status = 503
    title = "Configuration error"
    retry_after_seconds = 60


class UnauthorizedError(KpiStreamError):
    """A request without a token, or with one that is not good."""

    status = 401
    title = "Not signed in"


class ForbiddenError(KpiStreamError):
    """A request for what the caller may not see or do."""

    status = 403
    title = "Not allowed"


class MisdirectedError(KpiStreamError):
    """A request for a host that this server does not answer to."""

    status = 421
    title = "Unknown host"


class CursorError(KpiStreamError):
    """A cursor nothing can resume from; never an HTTP error, the stream answers `reset`."""

    title = "Unusable cursor"


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, then what it was raised from or in spite of, back to the first."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
