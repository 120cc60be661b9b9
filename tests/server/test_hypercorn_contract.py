"""What is relied on in Hypercorn and Quart; a release that changes it fails here, by name.

Behaviour is pinned by the other tests of this folder, on real sockets. Here are the names, and the
few things that the other tests could not tell from a fault of our own.
"""

from __future__ import annotations

import ast
import asyncio
import importlib
import inspect
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import quart
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.protocol.h11 import H11Protocol

from app.server import hypercorn_contract as contract


def parameters(function: object) -> list[str]:
    assert callable(function)
    return list(inspect.signature(function).parameters)


PROTOCOL = "app config context task_group connection_state ssl client server send"


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (H11Protocol, PROTOCOL),
        (contract.Http1Protocol.initiate, "self"),
        (contract.Http1Protocol.handle, "self event"),
        (contract.Http2Protocol, PROTOCOL),
        (contract.Http2Protocol.initiate, "self headers settings"),
        (contract.Http2Protocol.handle, "self event"),
        (contract.parse_socket_addr, "family address"),
        (contract.RawData, "data address"),
        (contract.Closed, ""),
        (contract.Updated, "idle"),
        (contract.Lifespan, "app config loop lifespan_state"),
        (contract.Lifespan.handle_lifespan, "self"),
        (contract.Lifespan.wait_for_startup, "self"),
        (contract.Lifespan.wait_for_shutdown, "self"),
        (contract.WorkerContext, "max_requests"),
        (contract.wrap_app, "app wsgi_max_body_size mode"),
    ],
    ids=lambda value: getattr(value, "__qualname__", None),
)
def test_signatures(function: object, expected: str) -> None:
    assert parameters(function) == expected.split()


def test_there_are_no_other_events() -> None:
    kinds = set(contract.Event.__subclasses__())
    assert kinds == {contract.RawData, contract.Closed, contract.Updated}


def test_what_a_protocol_asks_of_its_task_group() -> None:
    asked = set()
    for name in ("h11", "h2", "http_stream", "ws_stream"):
        module = importlib.import_module(f"hypercorn.protocol.{name}")
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
                asked |= {node.attr} if node.value.attr == "task_group" else set()
    assert asked == {"spawn", "spawn_app"}


def test_settings_that_are_set_exist() -> None:
    config = contract.Config()
    for name, value in (
        ("alpn_protocols", ["h2", "http/1.1"]),
        ("graceful_timeout", 3),
        ("h11_max_incomplete_size", 16_384),
        ("h2_max_header_list_size", 65_536),
        ("include_server_header", True),
        ("keep_alive_max_requests", 1000),
        ("shutdown_timeout", 60),
        ("ssl_handshake_timeout", 60),
        ("startup_timeout", 60),
    ):
        assert getattr(config, name) == value, name


@pytest.mark.parametrize(
    "name", ["_check_protocol", "_send_error_response", "_send_h11_event", "_priority_updated"]
)
def test_the_methods_with_an_underscore_exist_and_are_used(name: str) -> None:
    kind = H2Protocol if name == "_priority_updated" else H11Protocol
    assert callable(getattr(kind, name))
    assert f"self.{name}(" in inspect.getsource(kind)


async def test_quart_cancels_a_handler_whose_client_is_gone_and_waits_for_it() -> None:
    app = quart.Quart("x")
    began, ended = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        began.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    @app.get("/")
    async def stream() -> quart.Response:
        return quart.Response(body())

    async def send(message: object) -> None:
        pass

    messages: asyncio.Queue[Any] = asyncio.Queue()
    path = {"path": "/", "raw_path": b"/", "query_string": b"", "root_path": ""}
    scope: Any = {"type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", **path}
    scope |= {"headers": [], "client": None, "server": None, "extensions": {}, "asgi": {}}
    messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        answering = group.create_task(app(scope, messages.get, send))
        await began.wait()
        messages.put_nowait({"type": "http.disconnect"})
        await answering
        assert ended.is_set()


def test_only_one_module_knows_hypercorn() -> None:
    app = Path(inspect.getfile(contract)).parents[1]
    importers = [
        path.relative_to(app).as_posix()
        for path in app.rglob("*.py")
        if "hypercorn" in {name.split(".")[0] for name in imported(path)}
    ]
    assert importers == ["server/hypercorn_contract.py"]


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    return names
