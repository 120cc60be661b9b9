"""The whole description, put together."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from .paths import PATHS
from .schemas import CURSOR, EVENTS, SCHEMAS, Schema, ref


def make_document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    events = {f"{name.capitalize()}Event": schema for name, schema in EVENTS.items()}
    events["Event"] = {
        "description": "One event of a stream (WHATWG HTML, 9.2)",
        "oneOf": [_event(name) for name in EVENTS],
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "kpi-stream",
            "version": _version(),
            "summary": "KPIs as snapshots over HTTP and live over Server-Sent Events",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "./"}],
        "security": [{"bearer": []}, {"cookie": []}, {"ticket": []}, {}],
        "paths": PATHS,
        "components": {
            "schemas": SCHEMAS | events,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "With KPI_AUTH=jwt; with none nobody is asked",
                },
                "cookie": {"type": "apiKey", "in": "cookie", "name": "kpi_session"},
                "ticket": {"type": "apiKey", "in": "query", "name": "ticket"},
            },
        },
    }


def _event(name: str) -> Schema:
    return {
        "type": "object",
        "properties": {
            "event": {"const": name},
            "data": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": ref(f"{name.capitalize()}Event"),
            },
            "id": CURSOR,
        },
        "required": ["event", "data"],
    }


def _version() -> str:
    try:
        return version("kpi-stream")
    except PackageNotFoundError:
        return "0"
