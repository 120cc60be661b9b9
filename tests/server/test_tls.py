"""TLS: a certificate that changes while streams run."""

from __future__ import annotations

import asyncio
import logging
import shutil
import ssl
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.server.tls import Certificate
from app.settings import Settings
from tests.server.clients import Http1, connected
from tests.server.stage import PREAMBLE, Stage, make_certificate, running, trusting


def shown(client: Http1) -> bytes:
    """Return the certificate that a client was shown."""
    certificate = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    assert isinstance(certificate, bytes)
    return certificate


def der(certificate: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(certificate.read_text())


@pytest.fixture
def used(certificate: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    """Return a certificate and key that a test may change."""
    copies = tmp_path / "used.pem", tmp_path / "used.key"
    for source, copy in zip(certificate, copies, strict=True):
        shutil.copy(source, copy)
    return copies


async def test_a_changed_certificate_is_shown_to_new_connections_and_streams_go_on(
    stage: Stage, used: tuple[Path, Path], tmp_path: Path
) -> None:
    old = der(used[0])
    new_folder = tmp_path / "new"
    new_folder.mkdir()
    new = make_certificate(new_folder)
    trust_old = trusting(used[0])
    tls = Certificate(*used, ["http/1.1"])
    async with running(stage, certificate=tls), connected(stage.port, tls=trust_old) as streaming:
        await streaming.get("/stream")
        await stage.listeners(1)
        for source, target in zip(new, used, strict=True):
            shutil.copy(source, target)
        tls.look()
        async with connected(stage.port, tls=trusting(new[0])) as client:
            await client.get("/short")
            assert shown(client) == der(new[0]) != old
        # An address is not sent as a server's name; the newest is shown all the same.
        address, trust = "127.0.0.1", trusting(new[0])
        _, writer = await asyncio.open_connection(
            address, stage.port, ssl=trust, server_hostname=address
        )
        writer.transport.abort()
        stage.deliver(b"one")
        assert await streaming.body(len(PREAMBLE) + 11) == PREAMBLE + b"data: one\n\n"
        assert shown(streaming) == old


async def test_a_change_that_is_not_usable_is_said_and_the_old_certificate_stays(
    stage: Stage, used: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    trust = trusting(used[0])
    old = der(used[0])
    tls = Certificate(*used, ["http/1.1"])
    async with running(stage, certificate=tls):
        for spoil in (lambda: used[1].write_text("half a key"), used[0].unlink):
            spoil()
            caplog.clear()
            tls.look()
            assert "the old stays" in caplog.text
            async with connected(stage.port, tls=trust) as client:
                await client.get("/short")
                assert shown(client) == old


async def test_the_files_are_looked_at_by_themselves(
    used: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("app.server.tls.LOOK_SECONDS", 0.01)
    caplog.set_level(logging.WARNING)
    tls = Certificate(*used, ["http/1.1"])
    task = asyncio.create_task(tls.watch())
    used[0].write_text(used[0].read_text() + "\n")
    async with asyncio.timeout(5):
        while "serving the changed TLS certificate" not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait((task,))


def test_files_that_are_not_usable_are_said_to_be(used: tuple[Path, Path], tmp_path: Path) -> None:
    for certificate, key in ((tmp_path / "none.pem", used[1]), (used[0], used[0])):
        with pytest.raises(ConfigurationError, match="KPI_TLS_CERTIFICATE"):
            Certificate(certificate, key, ["http/1.1"])


@pytest.mark.parametrize("name", ["tls_certificate", "tls_key"])
def test_certificate_and_key_are_set_together(name: str) -> None:
    with pytest.raises(ValueError, match="together"):
        Settings.model_validate({name: "x.pem"})


async def test_http_2_is_not_agreed_on_unless_it_is_asked_for(
    stage: Stage, certificate: tuple[Path, Path]
) -> None:
    tls = trusting(certificate[0])
    tls.set_alpn_protocols(["h2", "http/1.1"])
    async with running(stage, certificate=certificate), connected(stage.port, tls=tls) as client:
        agreed = client.writer.get_extra_info("ssl_object").selected_alpn_protocol()
        assert agreed == "http/1.1"
