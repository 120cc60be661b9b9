"""Every route: its parameters and its answers."""

from __future__ import annotations

from ...live.series import SCREENFUL
from ...live.snapshots import MAX_HISTORY
from ...models import Period
from ..parameters import DEFAULT_HISTORY, MAX_BOARDS, MAX_CHANNELS
from .board_paths import BOARD_PATHS
from .operations import Operation, in_path, in_query, json_answer, operation, parameter, text_answer
from .schemas import CODE, CURSOR, PERIOD, SLUG, TEXT, TIME, Schema, ref


def _history(most: int) -> Schema:
    schema = {"type": "integer", "minimum": 0, "maximum": most, "default": DEFAULT_HISTORY}
    return in_query("history", schema, "Buckets of history in a snapshot")


_CODE = in_path("code", CODE, "The KPI's code")
_PERIOD = in_query("period", PERIOD | {"default": Period.MINUTE.value}, "The length of a bucket")
_TICKET = in_query("ticket", TEXT, "A ticket of POST /ticket, instead of a header or cookie")
_CURSOR = in_query(
    "cursor",
    {"type": "array", "items": CURSOR},
    "Where to resume; of several snapshots one each",
)
_LAST_EVENT_ID = parameter("header", "Last-Event-ID", CURSOR, "Where to resume; wins over cursor")
_IF_NONE_MATCH = parameter("header", "If-None-Match", TEXT, "The ETag of the answer one has")
_PARTIAL = in_query(
    "partial", {"enum": ["0", "1"], "default": "0"}, "1: the open bucket so far as well"
)
_BOARDS = in_query(
    "board",
    {"type": "array", "maxItems": MAX_BOARDS, "items": SLUG},
    "Shared boards of which a change is told",
)
_UNCHANGED: Schema = {"description": "What the client has is still so"}
_STREAM: Schema = {
    "description": "Server-Sent Events, the schema is of each. A stream that must be refused for"
    " load, or finds no database, holds `retry:` and a comment alone.",
    "content": {"text/event-stream": {"schema": ref("Event")}},
}
_CHANNEL: Schema = {
    "type": "array",
    "minItems": 1,
    "maxItems": MAX_CHANNELS,
    "items": {
        "type": "string",
        "pattern": f"^[A-Za-z0-9_.\\-]{{1,64}}:({'|'.join(Period)})$",
        "examples": ["order_backlog:hour"],
    },
}

_IDEMPOTENCY_KEY = parameter(
    "header",
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 200},
    "Rows that come again with the same key are written once",
)
_ROWS: dict[str, Schema] = {
    "application/x-ndjson": {
        "type": "string",
        "description": "A JSON object a line",
        "examples": ['{"timestamp": "2026-05-04T12:00:00Z", "kpi_code": "orders", "value": 3}'],
    },
    "text/csv": {
        "type": "string",
        "description": "timestamp,kpi_code,value",
        "examples": ["2026-05-04T12:00:00Z,orders,3"],
    },
}

PATHS: dict[str, dict[str, Operation]] = {
    "/kpi": {
        "get": operation(
            "The catalogue",
            {"200": json_answer("Catalogue", "The KPIs that may be seen"), "304": _UNCHANGED},
            tag="KPIs",
            parameters=[_IF_NONE_MATCH, _TICKET],
        )
    },
    "/kpi/{code}": {
        "get": operation(
            "A snapshot",
            {"200": json_answer("Snapshot", "The channel as it is"), "304": _UNCHANGED},
            tag="KPIs",
            parameters=[
                _CODE,
                _PERIOD,
                _history(MAX_HISTORY),
                in_query("end", TIME, "The start of the bucket before which the history ends"),
                _PARTIAL,
                _IF_NONE_MATCH,
                _TICKET,
            ],
            problems=(400, 404, 422),
        )
    },
    "/kpi/{code}/stream": {
        "get": operation(
            "One channel as it happens",
            {"200": _STREAM},
            tag="Streams",
            parameters=[
                _CODE,
                _PERIOD,
                _history(SCREENFUL),
                _PARTIAL,
                _BOARDS,
                _CURSOR,
                _LAST_EVENT_ID,
                _TICKET,
            ],
            problems=(400, 404, 422),
        )
    },
    "/stream": {
        "get": operation(
            f"Up to {MAX_CHANNELS} channels over one connection",
            {"200": _STREAM},
            tag="Streams",
            parameters=[
                in_query("channel", _CHANNEL, "What to follow, as code:period", required=True),
                _history(SCREENFUL),
                _PARTIAL,
                _BOARDS,
                _CURSOR,
                _LAST_EVENT_ID,
                _TICKET,
            ],
            problems=(400, 404, 422),
        )
    },
    "/values": {
        "post": operation(
            "Write raw rows, all or none",
            {"200": json_answer("Written", "All rows are written")},
            tag="Writing",
            parameters=[_IDEMPOTENCY_KEY],
            problems=(413, 422, 501),
            body=_ROWS,
        )
    },
    "/kpi/{code}/values": {
        "post": operation(
            "Write raw rows of one KPI, all or none",
            {"200": json_answer("Written", "All rows are written")},
            tag="Writing",
            parameters=[_CODE, _IDEMPOTENCY_KEY],
            problems=(400, 413, 422, 501),
            body=_ROWS,
        )
    },
    **BOARD_PATHS,
    "/session": {
        "post": operation(
            "Exchange a token for a cookie",
            {"200": json_answer("Session", "Signed in until the token expires")},
            tag="Signing in",
        ),
        "delete": operation(
            "Sign out, on all gateways",
            {"204": {"description": "The session counts no more"}},
            tag="Signing in",
        ),
    },
    "/ticket": {
        "post": operation(
            "A ticket for one request within 60 s",
            {"201": json_answer("Ticket", "To be used as ?ticket=…")},
            tag="Signing in",
            problems=(404,),
            description="Only with KPI_AUTH=jwt; 404 without.",
        )
    },
    "/livez": {
        "get": operation(
            "Alive", {"200": text_answer("text/plain", "It is")}, tag="Operation", public=True
        )
    },
    "/readyz": {
        "get": operation(
            "Ready to take traffic",
            {"200": text_answer("text/plain", "It is")},
            tag="Operation",
            public=True,
            problems=(404, 503),
        )
    },
    "/metrics": {
        "get": operation(
            "Counts for Prometheus",
            {"200": text_answer("text/plain", "Counts")},
            tag="Operation",
            problems=(404,),
        )
    },
    "/openapi.json": {
        "get": operation(
            "This description",
            {
                "200": {
                    "description": "OpenAPI 3.1",
                    "content": {"application/json": {"schema": {"type": "object"}}},
                },
                "304": _UNCHANGED,
            },
            tag="Operation",
            public=True,
        )
    },
}

PAGES = ("/", "/b/<slug>", "/docs", "/sign-in", "/web/<path:name>", "/web.<digest>/<path:name>")
"""Routes for people, which the description leaves out."""
