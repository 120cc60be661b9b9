"""What goes over the wire, as JSON Schema; a test holds it against what is sent."""

from __future__ import annotations

from typing import Any

from ...models import CODE_PATTERN, Period

Schema = dict[str, Any]

NUMBER_OR_NULL: Schema = {"type": ["number", "null"]}
TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
TIME: Schema = {
    "type": "string",
    "format": "date-time",
    "description": "RFC 3339 in UTC, with Z",
    "examples": ["2026-05-04T12:00:00Z"],
}
CODE: Schema = {
    "type": "string",
    "pattern": f"^{CODE_PATTERN.pattern}$",
    "examples": ["order_backlog"],
}
PERIOD: Schema = {"type": "string", "enum": [period.value for period in Period]}
CURSOR: Schema = {"type": "string", "description": "Where a client stands; opaque to it"}
STATUS: Schema = {
    "enum": ["good", "warning", "bad", None],
    "description": "The value against its target; only of KPIs that have one",
}


def ref(name: str) -> Schema:
    """Return a reference to one of the schemas below."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(
    properties: dict[str, Schema], description: str = "", *, optional: tuple[str, ...] = ()
) -> Schema:
    """Return the schema of an object that has all its properties but the optional ones."""
    schema: Schema = {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }
    return schema | ({"description": description} if description else {})


def nullable(schema: Schema) -> Schema:
    """Return a schema that allows null as well."""
    return {"anyOf": [schema, {"type": "null"}]}


_CHANNEL = {"kpi": CODE, "period": PERIOD}
_BUCKET: dict[str, Schema] = {
    **_CHANNEL,
    "bucket": TIME,
    "end": TIME,
    "value": NUMBER_OR_NULL,
    "points": {"type": ["integer", "null"], "minimum": 0},
    "min": NUMBER_OR_NULL,
    "max": NUMBER_OR_NULL,
    "status": STATUS,
}
SLUG: Schema = {
    "type": "string",
    "pattern": "^[a-z0-9][a-z0-9-]{0,59}$",
    "examples": ["lobby"],
}
_VERSION: Schema = {"type": "integer", "minimum": 1}
_BOARD: dict[str, Schema] = {
    "slug": SLUG,
    "name": TEXT,
    "version": _VERSION,
    "updated_at": TIME,
    "updated_by": TEXT_OR_NULL,
}
_GRANTS = record(
    {
        "kpis": {"type": "array", "items": TEXT},
        "periods": {"type": "array", "items": PERIOD},
        "write": {"type": "array", "items": TEXT},
        "boards": {"anyOf": [{"enum": ["read", "write"]}, {"type": "array", "items": TEXT}]},
        "metrics": {"type": "boolean"},
    },
    "What a token allows; see docs/security.md",
)

SCHEMAS: dict[str, Schema] = {
    "Kpi": record(
        {
            "code": CODE,
            "name": TEXT,
            "unit": TEXT,
            "decimals": {"type": ["integer", "null"]},
            "direction": {"enum": ["up", "down", None]},
            "target": NUMBER_OR_NULL,
            "simulated": {"type": "boolean"},
            "warning": NUMBER_OR_NULL,
            "aggregate": TEXT_OR_NULL,
            "formula": TEXT_OR_NULL,
            "group": TEXT_OR_NULL,
            "description": TEXT_OR_NULL,
            "lower": NUMBER_OR_NULL,
            "upper": NUMBER_OR_NULL,
        },
        "What is known of a KPI besides its numbers",
    ),
    "Catalogue": record(
        {
            "kpis": {"type": "array", "items": ref("Kpi")},
            "timezone": TEXT,
            "heartbeat_seconds": {"type": "number"},
            "periods": {"type": "array", "items": PERIOD},
            "version": TEXT,
        },
        "The KPIs that the caller may see",
    ),
    "Bucket": record(_BUCKET, "One period of one KPI; a gap has no value", optional=("status",)),
    "Partial": record(
        {**_BUCKET, "until": TIME},
        "The open bucket so far, up to `until`",
        optional=("status",),
    ),
    "State": record(
        {"state": {"enum": ["live", "stale"]}, "reason": TEXT_OR_NULL, "since": nullable(TIME)},
        "Whether data flows",
    ),
    "Snapshot": record(
        {
            **_CHANNEL,
            "current": nullable(ref("Bucket")),
            "previous": nullable(ref("Bucket")),
            "delta": NUMBER_OR_NULL,
            "history": {"type": "array", "items": ref("Bucket")},
            "state": ref("State"),
            "cursor": CURSOR,
            "partial": nullable(ref("Partial")),
        },
        "A channel as it is now, its history oldest first; `partial` only where asked for",
        optional=("partial",),
    ),
    "Problem": record(
        {
            "type": {"type": "string", "format": "uri-reference"},
            "title": TEXT,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": TEXT,
        },
        "What is wrong (RFC 9457)",
    ),
    "Written": record(
        {"rows": {"type": "integer", "minimum": 0}, "repeated": {"type": "boolean"}},
        "How many rows were written, and whether an earlier request with the key had done so",
    ),
    "Grants": _GRANTS,
    "BoardEntry": record(_BOARD, "A shared board, without its definition"),
    "Boards": record({"boards": {"type": "array", "items": ref("BoardEntry")}}),
    "BoardVersions": record({"versions": {"type": "array", "items": ref("BoardEntry")}}),
    "Board": record(
        {**_BOARD, "definition": {"type": ["object", "null"]}},
        "A shared board; its definition is null where it was deleted",
    ),
    "BoardChange": record(
        {
            "name": {"type": "string", "minLength": 1, "maxLength": 60, "pattern": "[A-Za-z]"},
            "definition": {
                "type": "object",
                "properties": {"tiles": {"type": "array"}},
                "required": ["tiles"],
            },
        },
        "What a board is to be; up to 256 KiB",
    ),
    "BoardChanged": record({"slug": SLUG, "version": _VERSION}),
    "Session": record(
        {"subject": TEXT, "expires": nullable(TIME), "grants": ref("Grants")},
        "Whom the requests are of from now on",
    ),
    "Ticket": record({"ticket": TEXT, "expires": TIME}, "Used once, as ?ticket=…"),
}

EVENTS: dict[str, Schema] = {
    "snapshot": ref("Snapshot"),
    "value": {
        "allOf": [
            ref("Bucket"),
            record({"previous": nullable(ref("Bucket")), "delta": NUMBER_OR_NULL}),
        ],
        "description": "A bucket became complete",
    },
    "correction": {"allOf": [ref("Bucket")], "description": "A published bucket has changed"},
    "gap": {"allOf": [ref("Bucket")], "description": "A bucket became complete without a row"},
    "status": {
        "allOf": [ref("State"), record(_CHANNEL)],
        "description": "The data stopped or resumed flowing",
    },
    "reset": record({**_CHANNEL, "reason": TEXT}, "The cursor cannot be used; a snapshot follows"),
    "end": record({"reason": TEXT}, "The server is about to close the stream for good"),
    "partial": {
        "allOf": [ref("Partial")],
        "description": "With partial=1: the open bucket so far; no id, never part of a cursor",
    },
    "board": record(
        {"slug": SLUG, "version": _VERSION}, "With board=slug: somebody has changed that board"
    ),
    "ping": record(
        {"time": TIME, "version": TEXT},
        "Sent at least every KPI_HEARTBEAT_SECONDS; `version` is that of the page",
    ),
}
"""What the `data` of each event of a stream holds."""
