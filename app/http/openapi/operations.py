"""How an operation of the description is put together."""

from __future__ import annotations

from typing import Any

from .schemas import TEXT, Schema, ref

Operation = dict[str, Any]

PROBLEMS = {
    400: "A KPI's code that no KPI can have",
    401: "No token, or one that is not good",
    403: "The token does not allow it",
    404: "There is no such KPI or board, or nothing of this name at this address",
    408: "The body has not come within a minute",
    412: "Somebody else has changed it since",
    413: "The body is too large",
    421: "The Host is not one of KPI_ALLOWED_HOSTS",
    422: "A parameter out of its range or of the wrong form",
    428: "It is not said which version is changed",
    429: "More requests than KPI_MAX_REQUESTS_PER_SECOND; see Retry-After",
    501: "The database keeps no boards, or no raw rows",
    503: "The database is away, or cannot be used as it is; see Retry-After",
}


def operation(
    summary: str,
    answers: dict[str, Any],
    *,
    tag: str,
    parameters: list[Schema] | None = None,
    problems: tuple[int, ...] = (),
    public: bool = False,
    body: dict[str, Schema] | None = None,
    description: str = "",
) -> Operation:
    """Return an operation; problems that any of them may have are added."""
    always = (421, 429) if public else (401, 403, 421, 429, 503)
    responses = dict(answers)
    for status in sorted({*problems, *always, *([] if body is None else [408])}):
        responses[str(status)] = _problem(PROBLEMS[status])
    made: Operation = {"summary": summary, "tags": [tag], "responses": responses}
    if description:
        made["description"] = description
    if parameters:
        made["parameters"] = parameters
    if body is not None:
        made["requestBody"] = {
            "required": True,
            "content": {kind: {"schema": schema} for kind, schema in body.items()},
        }
    if public:
        made["security"] = []
    return made


def in_path(name: str, schema: Schema, description: str) -> Schema:
    """Return a parameter in the path."""
    return parameter("path", name, schema, description) | {"required": True}


def in_query(name: str, schema: Schema, description: str, *, required: bool = False) -> Schema:
    """Return a parameter in the query string."""
    return parameter("query", name, schema, description) | ({"required": True} if required else {})


def json_answer(name: str, description: str) -> Schema:
    """Return an answer of one of the schemas."""
    return {"description": description, "content": {"application/json": {"schema": ref(name)}}}


def parameter(where: str, name: str, schema: Schema, description: str) -> Schema:
    """Return a parameter."""
    return {"name": name, "in": where, "schema": schema, "description": description}


def _problem(description: str) -> Schema:
    content = {"application/problem+json": {"schema": ref("Problem")}}
    return {"description": description, "content": content}


def text_answer(kind: str, description: str) -> Schema:
    """Return an answer in text."""
    return {"description": description, "content": {kind: {"schema": TEXT}}}
