"""The routes of shared boards."""

from __future__ import annotations

from .operations import Operation, in_path, in_query, json_answer, operation, parameter
from .schemas import SLUG, TEXT, Schema, ref

_TAG = "Boards"
_SLUG = in_path("slug", SLUG, "The board's name in addresses")
_IF_MATCH = parameter("header", "If-Match", TEXT, "The version that is changed")
_IF_NONE_MATCH = parameter(
    "header", "If-None-Match", {"const": "*"}, "There must be no such board yet"
)
_ETAG: Schema = {"ETag": {"schema": TEXT, "description": "The board's version"}}

BOARD_PATHS: dict[str, dict[str, Operation]] = {
    "/boards": {
        "get": operation(
            "All shared boards",
            {"200": json_answer("Boards", "Those that may be read")},
            tag=_TAG,
            problems=(501,),
        )
    },
    "/boards/{slug}": {
        "get": operation(
            "A shared board",
            {"200": json_answer("Board", "The board") | {"headers": _ETAG}},
            tag=_TAG,
            parameters=[
                _SLUG,
                in_query(
                    "version",
                    {"type": "integer", "minimum": 0, "maximum": 999_999_999},
                    "As it was in this version",
                ),
            ],
            problems=(404, 422, 501),
        ),
        "put": operation(
            "Make or change a shared board",
            {"200": json_answer("BoardChanged", "It has this version") | {"headers": _ETAG}},
            tag=_TAG,
            parameters=[_SLUG, _IF_MATCH, _IF_NONE_MATCH],
            problems=(404, 412, 413, 422, 428, 501),
            body={"application/json": ref("BoardChange")},
        ),
        "delete": operation(
            "Delete a shared board; its versions stay",
            {"204": {"description": "It is deleted"}},
            tag=_TAG,
            parameters=[_SLUG, _IF_MATCH],
            problems=(404, 412, 422, 428, 501),
        ),
    },
    "/boards/{slug}/versions": {
        "get": operation(
            "The versions of a shared board",
            {"200": json_answer("BoardVersions", "Newest first")},
            tag=_TAG,
            parameters=[_SLUG],
            problems=(404, 422, 501),
        )
    },
}
