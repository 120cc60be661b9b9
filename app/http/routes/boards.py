"""Boards that a team shares."""

from __future__ import annotations

from typing import Any

import orjson
from quart import Quart, Response, request

from ...access.caller import Right
from ...data.boards import Board
from ...errors import ConditionMissingError, InvalidParameterError, TooLargeError
from ...live import events
from ...service import Service
from .. import auth, parameters

MOST_BYTES = 256 * 1024
MOST_NAME_LETTERS = 60


def install(app: Quart, service: Service) -> None:
    """Add the routes under `/boards`."""
    boards = service.boards

    @app.get("/boards")
    async def list_boards() -> Response:
        caller = auth.caller()
        found = [board for board in await boards.all() if caller.may(Right.READ_BOARD, board.slug)]
        return _json({"boards": [_listed(board) for board in found]})

    @app.get("/boards/<slug>")
    async def read_board(slug: str) -> Response:
        auth.caller().require(Right.READ_BOARD, [parameters.slug(slug)])
        board = await boards.get(slug, _version())
        return _json(
            _listed(board) | {"definition": orjson.loads(board.definition or "null")},
            board.version,
        )

    @app.get("/boards/<slug>/versions")
    async def list_versions(slug: str) -> Response:
        auth.caller().require(Right.READ_BOARD, [parameters.slug(slug)])
        found = await boards.versions(slug)
        return _json({"versions": [_listed(board) for board in found]})

    @app.put("/boards/<slug>")
    async def put_board(slug: str) -> Response:
        by = _writer(slug)
        name, definition = await _body()
        if request.if_none_match.star_tag:
            version = await boards.create(slug, name, definition, by)
        else:
            version = await boards.change(slug, _matched(), name, definition, by)
        service.hub.boards.changed(slug, version)
        return _json({"slug": slug, "version": version}, version)

    @app.delete("/boards/<slug>")
    async def delete_board(slug: str) -> Response:
        by = _writer(slug)
        version = await boards.change(slug, _matched(), "", None, by)
        service.hub.boards.changed(slug, version)
        return Response(b"", 204)


def _writer(slug: str) -> str | None:
    """Return who may change the board; None where nobody has to say who they are."""
    caller = auth.caller()
    caller.require(Right.WRITE_BOARD, [parameters.slug(slug)])
    return caller.subject or None


def _matched() -> int:
    """Return the version that a change is of, from `If-Match`."""
    for tag in request.if_match.as_set():
        # An empty tag is None to Werkzeug, and none of our versions has more digits.
        if tag and tag.isascii() and tag.isdigit() and len(tag) < 10:
            return int(tag)
    raise ConditionMissingError(
        'say which version is changed, as in If-Match: "3", or If-None-Match: * for a new board'
    )


def _version() -> int | None:
    """Return the version that is asked for; None for the newest."""
    text = request.args.get("version")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidParameterError("version must be a whole number")
    return int(text)


async def _body() -> tuple[str, str]:
    """Return the name and the definition in the body, checked."""
    if request.mimetype != "application/json":
        raise InvalidParameterError("a board is sent as application/json")
    data = await request.get_data()
    if len(data) > MOST_BYTES:
        raise TooLargeError(f"a board has up to {MOST_BYTES} bytes")
    try:
        body: Any = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InvalidParameterError(f"this is no JSON: {error}") from None
    name = body.get("name") if isinstance(body, dict) else None
    definition = body.get("definition") if isinstance(body, dict) else None
    if not isinstance(name, str) or not 0 < len(name.strip()) <= MOST_NAME_LETTERS:
        raise InvalidParameterError(f"name must have 1 to {MOST_NAME_LETTERS} letters")
    if not isinstance(definition, dict) or not isinstance(definition.get("tiles"), list):
        raise InvalidParameterError('definition must be an object with a list, as in {"tiles": []}')
    try:
        events.dumps([definition])  # as it is sent, within what else is said of the board
        text = orjson.dumps(definition).decode()
    except orjson.JSONEncodeError:
        raise InvalidParameterError("definition is nested too deeply") from None
    # PostgreSQL's jsonb takes no NUL.
    if "\\u0000" in text or "\0" in name:
        raise InvalidParameterError("a board has no NUL in it")
    return name.strip(), text


def _listed(board: Board) -> dict[str, Any]:
    return {
        "slug": board.slug,
        "name": board.name,
        "version": board.version,
        "updated_at": events.timestamp(round(board.updated_at.timestamp(), 3)),
        "updated_by": board.updated_by,
    }


def _json(value: Any, version: int | None = None) -> Response:
    headers = {"Cache-Control": "no-store"}
    if version is not None:
        headers["ETag"] = f'"{version}"'
    return Response(events.dumps(value), 200, headers, content_type="application/json")
