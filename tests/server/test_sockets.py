"""The sockets that are listened on, Unix sockets above all."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from app.bind import Bind
from app.errors import ConfigurationError
from app.server.sockets import listening


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)  # the whole path may be longer than a Unix socket's may be
    return "kpi.sock"


def connects(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(path)
        except ConnectionRefusedError:
            return False
        return True


def test_port_0_says_which_it_is() -> None:
    with listening(Bind("127.0.0.1", 0), send_timeout_seconds=1) as (sock, bind):
        assert bind.port == sock.getsockname()[1] > 0


def test_a_unix_socket_is_there_while_it_is_listened_on(path: str) -> None:
    with listening(Bind(path=path), send_timeout_seconds=1) as (sock, _):
        sock.listen()
        assert connects(path)
    assert not Path(path).exists()


def test_the_unix_socket_of_a_dead_server_is_taken_over(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    with listening(Bind(path=path), send_timeout_seconds=1) as (sock, _):
        sock.listen()
        assert connects(path)


def test_the_unix_socket_of_a_living_server_is_left_alone(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(path)
        living.listen()
        with (
            pytest.raises(ConfigurationError, match="already in use"),
            listening(Bind(path=path), send_timeout_seconds=1),
        ):
            pass
        assert connects(path)


def test_a_file_is_not_taken_for_a_socket(path: str) -> None:
    Path(path).write_text("precious")
    with (
        pytest.raises(ConfigurationError, match="no socket"),
        listening(Bind(path=path), send_timeout_seconds=1),
    ):
        pass
    assert Path(path).read_text() == "precious"


def test_a_path_that_another_server_has_taken_over_is_not_removed(path: str) -> None:
    with listening(Bind(path=path), send_timeout_seconds=1):
        Path(path).rename("old.sock")
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(path)
    assert Path(path).exists()


def test_a_child_that_ends_leaves_its_parents_socket(path: str) -> None:
    with listening(Bind(path=path), send_timeout_seconds=1) as (sock, _):
        sock.listen()
        context = listening(Bind(descriptor=sock.fileno()), send_timeout_seconds=1)
        with context as (shared, _):
            assert os.fstat(shared.fileno()).st_ino == os.fstat(sock.fileno()).st_ino
        assert connects(path)


@pytest.mark.parametrize(
    ("bind", "reason"),
    [
        (Bind("nowhere.invalid", 8000), "nowhere.invalid:8000"),
        (Bind("203.0.113.7", 8000), "203.0.113.7:8000"),
        (Bind(path="no/such/folder/kpi.sock"), "No such file"),
        (Bind(descriptor=999_999), "fd://999999"),
    ],
)
def test_what_cannot_be_bound_is_said(bind: Bind, reason: str) -> None:
    with (
        pytest.raises(ConfigurationError, match=reason) as refused,
        listening(bind, send_timeout_seconds=1),
    ):
        pass
    assert str(refused.value).startswith("KPI_BIND: cannot listen on")
