"""What the description says, taken by its word: nothing is sent that it does not name."""

from __future__ import annotations

import gzip
import json
import re
from functools import cache
from typing import Any

import jsonschema_rs
from quart import Quart, Response, request

from app.http.openapi.document import make_document
from app.http.openapi.paths import PAGES
from app.http.openapi.schemas import EVENTS
from app.http.streaming import is_stream
from tests.sse_reader import Event

DOCUMENT = make_document()


def path_of(rule: str) -> str:
    """Return a route as the description writes it."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


@cache
def validator(name: str) -> jsonschema_rs.Validator:
    return _validator({"$ref": f"#/components/schemas/{name}"})


def validate_event(event: Event) -> None:
    """Raise where an event is none of those described, or has other data."""
    assert event.event in EVENTS
    validator(f"{event.event.capitalize()}Event").validate(event.json())


def watch(app: Quart) -> list[str]:
    """Return a list to which each answer of `app` is added that is not described."""
    found: list[str] = []

    @app.after_request
    async def check(response: Response) -> Response:
        rule = request.url_rule
        if rule is not None and rule.rule not in PAGES and request.method != "OPTIONS":
            method = "get" if request.method == "HEAD" else request.method.lower()
            asked = f"{request.method} {request.full_path} {response.status_code}"
            responses = DOCUMENT["paths"][path_of(rule.rule)][method]["responses"]
            described = responses.get(str(response.status_code))
            if described is None:
                found.append(f"{asked}: the status is not described")
            elif wrong := await _wrong(response, described.get("content", {})):
                found.append(f"{asked}: {wrong}")
        return response

    return found


async def _wrong(response: Response, content: dict[str, Any]) -> str:
    """Say what is not as described of a response's body; "" where all is."""
    if is_stream(request) and response.status_code == 200:
        return ""  # its events are checked by those who read them
    body = await response.get_data(as_text=False)
    if not content:
        return "it has a body" if body else ""
    if response.mimetype not in content:
        return f"{response.mimetype} is not described"
    if not response.mimetype.endswith("json"):
        return ""
    if response.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    try:
        _cached(json.dumps(content[response.mimetype]["schema"])).validate(json.loads(body))
    except jsonschema_rs.ValidationError as error:
        return error.message
    return ""


@cache
def _cached(schema: str) -> jsonschema_rs.Validator:
    return _validator(json.loads(schema))


def _validator(schema: dict[str, Any]) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(_closed(schema), validate_formats=True)


def _closed(schema: Any, *, open_ended: bool = False) -> Any:
    """Return a schema without references that allows no property it does not name.

    Of an `allOf` the parts are `open_ended`: each has properties of the others.
    """
    if isinstance(schema, list):
        return [_closed(part, open_ended=open_ended) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        return _closed(DOCUMENT["components"]["schemas"][name], open_ended=open_ended)
    closed = {key: _closed(value, open_ended=key == "allOf") for key, value in schema.items()}
    if ("properties" in schema or "allOf" in schema) and not open_ended:
        closed["unevaluatedProperties"] = False
    return closed
