"""Clients that misbehave, each in its way; whatever they do, they are gone afterwards."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

import h2.connection
import h2.settings

PATH = "/stream?channel=sales:minute&channel=costs:minute"
REQUEST = f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
SHORT = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
RESET = struct.pack("ii", 1, 0)

Client = Callable[[socket.socket], Awaitable[None]]


async def send(sock: socket.socket, data: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(sock, data)


async def some(sock: socket.socket) -> bytes:
    """Read what comes first."""
    async with asyncio.timeout(30):
        return await asyncio.get_running_loop().sock_recv(sock, 65_536)


async def the_rest(sock: socket.socket) -> None:
    """Read until the server has closed."""
    while await some(sock):
        pass


async def resets(sock: socket.socket) -> None:
    await send(sock, REQUEST)
    await some(sock)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


async def resets_before_the_answer(sock: socket.socket) -> None:
    """In the midst of the hand-over, more or less."""
    await send(sock, REQUEST)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


async def closes(sock: socket.socket) -> None:
    await send(sock, REQUEST)
    await some(sock)


async def closes_one_way(sock: socket.socket) -> None:
    await send(sock, REQUEST)
    sock.shutdown(socket.SHUT_WR)
    await some(sock)


async def says_nothing(sock: socket.socket) -> None:
    await asyncio.sleep(0)


async def leaves_in_the_middle_of_the_head(sock: socket.socket) -> None:
    await send(sock, REQUEST[: len(REQUEST) // 2])


async def speaks_slowly(sock: socket.socket) -> None:
    for at in range(0, len(REQUEST), 16):
        await send(sock, REQUEST[at : at + 16])
        await asyncio.sleep(0.001)
    await some(sock)


async def pipelines(sock: socket.socket) -> None:
    await send(sock, SHORT + SHORT + REQUEST)
    await some(sock)


async def talks_on_a_stream(sock: socket.socket) -> None:
    await send(sock, REQUEST + SHORT)
    await some(sock)


async def is_no_client_of_ours(sock: socket.socket) -> None:
    await send(sock, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 3 + b"\r\n\r\n")
    await the_rest(sock)


async def has_no_window(sock: socket.socket) -> None:
    """HTTP/2 that lets the server send nothing at all, or a server that speaks none of it."""
    connection = h2.connection.H2Connection()
    connection.local_settings[h2.settings.SettingCodes.INITIAL_WINDOW_SIZE] = 0
    connection.initiate_connection()
    fields = {":method": "GET", ":path": PATH, ":scheme": "http", ":authority": "localhost"}
    connection.send_headers(1, list(fields.items()), end_stream=True)
    await send(sock, connection.data_to_send())
    await some(sock)


ALL: tuple[Client, ...] = (
    resets,
    resets_before_the_answer,
    closes,
    closes_one_way,
    says_nothing,
    leaves_in_the_middle_of_the_head,
    speaks_slowly,
    pipelines,
    talks_on_a_stream,
    is_no_client_of_ours,
    has_no_window,
)


async def visit(port: int, client: Client) -> None:
    """Connect, misbehave, and be gone."""
    sock = socket.socket()
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        await client(sock)
    except OSError:
        pass  # the server may well be the first to go
    finally:
        sock.close()
