"""Who may ask and whose pages may read: hosts, other sites, policies, and what is never told."""

from __future__ import annotations

import logging
import socket

import httpx
import pytest
from pydantic import SecretStr

from app.access.bind import require_safe_bind
from app.data.faults import PUBLIC_AWAY
from app.errors import ConfigurationError
from app.origins import host_of, parse_host, parse_origin, parse_origins
from app.settings import Settings
from tests.http.conftest import NOON, write
from tests.running import Gateway, open_gateway
from tests.stream_client import open_stream


async def ask(port: int, target: str, method: str = "GET", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        return await client.request(method, target, headers=named)


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "a b", "[::1", "[x]"])
async def test_names_that_nobody_has_given_are_refused(host: str, gateway: Gateway) -> None:
    for target in ("/", "/kpi", "/kpi/sales/stream", "/livez", "/nothing"):
        answer = await ask(gateway.port, target, Host=host)
        assert answer.status_code == 421
        assert "sales" not in answer.text


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:80", "a.localhost", "127.0.0.1", "[::1]:8000", "10.1.2.3:8000"],
)
async def test_this_machine_and_addresses_are_known(host: str, gateway: Gateway) -> None:
    assert (await ask(gateway.port, "/kpi", Host=host)).status_code == 200


async def test_hosts_and_origins_are_lists_in_any_form(shadowed_settings: Settings) -> None:
    changes = {
        "allowed_hosts": "KPI.example, b.example.",
        "allowed_origins": "https://Wiki.example:443, http://a.example:81 https://bücher.example",
    }
    async with open_gateway(shadowed_settings.model_copy(update=changes)) as gateway:
        for host in ("kpi.example", "Kpi.Example:8443", "b.example"):
            assert (await ask(gateway.port, "/kpi", Host=host)).status_code == 200
        for origin in (
            "https://wiki.example",
            "http://a.example:81",
            "https://xn--bcher-kva.example",
        ):
            answer = await ask(gateway.port, "/kpi", Origin=origin)
            assert answer.headers["access-control-allow-origin"] == origin
        for origin in ("http://wiki.example", "https://wiki.example:444", "null"):
            answer = await ask(gateway.port, "/kpi", Origin=origin)
            assert "access-control-allow-origin" not in answer.headers


async def test_a_preflight_is_answered_for_allowed_origins_alone(
    shadowed_settings: Settings,
) -> None:
    changes = {"allowed_origins": "https://wiki.example"}
    async with open_gateway(shadowed_settings.model_copy(update=changes)) as gateway:
        wants = {
            "Access_Control_Request_Method": "GET",
            "Access_Control_Request_Headers": "authorization",
        }
        allowed = await ask(
            gateway.port, "/kpi/sales", "OPTIONS", Origin="https://wiki.example", **wants
        )
        assert allowed.status_code == 200
        assert "GET" in allowed.headers["access-control-allow-methods"]
        assert "authorization" in allowed.headers["access-control-allow-headers"].lower()
        other = await ask(
            gateway.port, "/kpi/sales", "OPTIONS", Origin="https://evil.example", **wants
        )
        assert "access-control-allow-methods" not in other.headers


@pytest.mark.slow
async def test_every_answer_says_that_it_depends_on_the_origin(
    shadowed_settings: Settings,
) -> None:
    """So that no cache gives one site what was allowed to another; and never with credentials."""
    for allowed, origin, told in (
        ("https://wiki.example", "https://wiki.example", "https://wiki.example"),
        ("https://wiki.example", "null", None),
        ("https://wiki.example", "https://wiki.example.", None),
        ("https://wiki.example", "HTTPS://WIKI.EXAMPLE", None),
        ("*", "null", "null"),
        ("*", "https://any.example", "https://any.example"),
    ):
        settings = shadowed_settings.model_copy(update={"allowed_origins": allowed})
        async with open_gateway(settings) as gateway:
            for target in (
                "/kpi",
                "/kpi/none",
                "/nowhere",
                "/livez",
                "/web/kpi-tile.js",
                "/boards",
            ):
                for method in ("GET", "HEAD", "OPTIONS", "PATCH"):
                    answer = await ask(gateway.port, target, method, Origin=origin)
                    assert answer.headers.get("access-control-allow-origin") == told
                    assert "Origin" in answer.headers["vary"]
                    assert "access-control-allow-credentials" not in answer.headers


async def test_browsers_are_told_what_the_page_may_do(shadowed_settings: Settings) -> None:
    changes = {"allowed_frames": "https://wiki.example"}
    async with open_gateway(shadowed_settings.model_copy(update=changes)) as gateway:
        page = await ask(gateway.port, "/")
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self' 'sha256-")
        assert "unsafe" not in policy
        assert policy.endswith("frame-ancestors 'self' https://wiki.example")
        assert page.headers["referrer-policy"] == "no-referrer"
        for target in ("/", "/kpi", "/web/main.js", "/nothing", "/kpi/sales"):
            answer = await ask(gateway.port, target)
            assert answer.headers.get_list("x-content-type-options") == ["nosniff"]


@pytest.mark.parametrize("name", ["a%00b", "..%2f..%2fapp%2fcli.py", "%2e%2e/x", "%ff", "a" * 300])
async def test_odd_file_names_are_not_found(name: str, gateway: Gateway) -> None:
    assert (await ask(gateway.port, f"/web/{name}")).status_code == 404


async def test_what_a_database_says_is_logged_and_not_told(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    url = SecretStr(f"postgresql://secret_user:pw@127.0.0.1:{port}/secret_base")
    away = settings.model_copy(update={"database_url": url})
    async with open_gateway(away) as gateway:
        with caplog.at_level(logging.WARNING, "app.http"):
            for target in ("/kpi", "/kpi/sales", "/readyz", "/kpi/sales"):
                answer = await ask(gateway.port, target)
                assert answer.status_code == 503
                assert answer.headers["retry-after"]
                assert answer.json()["detail"] == PUBLIC_AWAY
        records = [r.getMessage() for r in caplog.records if r.name.startswith("app.http")]
        assert any(str(port) in line for line in records)
        assert len(records) < 4  # the same trouble once, whoever asks
        for target in ("/kpi/sales/stream", "/stream?channel=sales:minute"):
            async with open_stream(gateway.port, target) as stream:
                assert stream.status == 200
                assert await stream.rest() == []
                assert stream.sse.retry_milliseconds is not None
                assert stream.sse.comments == [PUBLIC_AWAY]


async def test_a_stream_says_that_it_has_no_long_history(gateway: Gateway) -> None:
    answer = await ask(gateway.port, "/kpi/sales/stream?history=1440")
    assert answer.status_code == 422
    assert "GET /kpi/{code} has up to 1440" in answer.json()["detail"]
    assert (await ask(gateway.port, "/kpi/sales?history=1440")).status_code == 200


async def test_the_head_of_a_stream_has_no_length(gateway: Gateway) -> None:
    await write(gateway, "sales", NOON - 60, 1.0)
    answer = await ask(gateway.port, "/kpi/sales/stream", "HEAD")
    assert answer.status_code == 200
    assert "content-length" not in answer.headers


@pytest.mark.parametrize(
    ("bind", "local"),
    [
        ("127.0.0.1:8000", True),
        ("127.9.9.9:0", True),
        ("[::1]:8000", True),
        ("localhost:8000", True),
        ("unix:/tmp/kpi.sock", True),
        ("0.0.0.0:8000", False),
        ("[::]:8000", False),
        (":8000", False),
        ("192.0.2.1:80", False),
        ("fd://99", False),
    ],
)
def test_which_addresses_only_this_machine_reaches(bind: str, local: bool) -> None:
    settings = Settings(bind=bind)
    if local:
        require_safe_bind(settings)
    else:
        with pytest.raises(ConfigurationError, match="KPI_AUTH_NONE_ANYWHERE=true"):
            require_safe_bind(settings)
    require_safe_bind(settings.model_copy(update={"auth_none_anywhere": True}))


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://A.Example", "https://a.example"),
        ("http://a.example:80", "http://a.example"),
        ("https://a.example:80", "https://a.example:80"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://a_b.example", "http://a_b.example"),
    ],
)
def test_origins_have_one_form(text: str, origin: str) -> None:
    assert parse_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    ["a.example", "https://", "https://a/", "https://a/b", "https://u@a", "ftp://a", "https://a:x",
     "https://a?b", "https://*.a.example", "https://a:99999", "null", "javascript:a"],
)  # fmt: skip
def test_what_is_no_origin(text: str) -> None:
    with pytest.raises(ValueError, match="is no origin"):
        parse_origin(text)


def test_lists_of_origins() -> None:
    assert parse_origins(" https://a.example,https://b.example , *") == {
        "https://a.example",
        "https://b.example",
        "*",
    }
    assert parse_origins(" , ") == frozenset()
    assert parse_host("KPI.example.") == "kpi.example"
    assert host_of("[::1]:80") == "::1"
    for text in ("kpi..example", "kpi.example..", "."):
        with pytest.raises(ValueError, match="is no host"):
            parse_host(text)
