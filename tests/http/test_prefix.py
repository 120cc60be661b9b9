"""Below a path that a proxy passes on or has taken away; slashes too many, and other letters."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from app.http.prefix import forwarded_prefix, way_home
from app.settings import Settings
from tests.access.signing import sign
from tests.http.credentials import JWT, bearer
from tests.running import Gateway, open_gateway

PAGES = ("", "docs", "b/lobby", "sign-in")


@asynccontextmanager
async def visiting(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client that follows redirects as a browser does."""
    url = f"http://127.0.0.1:{gateway.port}"
    async with httpx.AsyncClient(base_url=url, verify=False, follow_redirects=True) as client:  # noqa: S501
        yield client


async def visit(client: httpx.AsyncClient, path: str) -> httpx.Response:
    """Ask for a path as it is: joined to the base it would lose a slash."""
    return await client.get(f"{str(client.base_url).rstrip('/')}{path}")


async def find_files(client: httpx.AsyncClient, page: httpx.Response, found: set[str]) -> None:
    """Ask for all that a page names, unless it is found already."""
    assert page.status_code == 200
    names = re.findall(r'(?:href|src)="([^"#]+)"', page.text)
    assert names
    for name in names:
        path = urlsplit(urljoin(str(page.url), name)).path
        if path not in found:
            assert (await visit(client, path)).status_code == 200, (page.url, path)
            found.add(path)


@pytest.fixture
async def plain(shadowed_settings: Settings) -> AsyncIterator[Gateway]:
    async with open_gateway(shadowed_settings) as opened:
        yield opened


@pytest.mark.parametrize("set_to", ["/kpi", "/kpi/", "/plant/kpi", "/k%C3%BCche", "/küche", "/b"])
async def test_a_path_that_is_passed_on(shadowed_settings: Settings, set_to: str) -> None:
    settings = Settings(root_path=set_to)
    updated = shadowed_settings.model_copy(update={"root_path": settings.root_path})
    root = set_to.rstrip("/")
    async with open_gateway(updated) as gateway, visiting(gateway) as client:
        found: set[str] = set()
        for page in PAGES:
            for path in (f"{root}/{page}", f"{root}/{page}/"):
                await find_files(client, await visit(client, path), found)
            for path in (f"{root}//{page}", f"/{root}/{page}"):
                assert "<!doctype html>" in (await visit(client, path)).text
        bare = await visit(client, f"{root}?wall=60")
        assert bare.url.raw_path == httpx.URL(f"http://x{root}/?wall=60").raw_path
        description = await visit(client, f"{root}/openapi.json")
        assert description.json()["servers"] == [{"url": "./"}]
        assert (await visit(client, f"{root}/kpi")).json()["kpis"] == []
        for path in (f"{root}/livez", f"{root}/readyz", "/readyz", f"{root}/web/kpi-tile.js"):
            assert (await visit(client, path)).status_code == 200


async def test_slashes_too_many_are_one(plain: Gateway) -> None:
    async with visiting(plain) as client:
        found: set[str] = set()
        for page in PAGES:
            for path in (f"/{page}/", f"/{page}//", f"/{page.replace('/', '//')}"):
                await find_files(client, await visit(client, path), found)
        await find_files(client, await visit(client, "//b/lobby"), set())


async def test_a_doubled_slash_is_never_another_host(plain: Gateway) -> None:
    async with visiting(plain) as client:
        for path in ("//evil.example/docs/", "//docs/", "//evil.example", "//b//evil.example/"):
            url = f"http://127.0.0.1:{plain.port}{path}"
            answer = await client.get(url, follow_redirects=False)
            where = answer.headers.get("Location", "../")
            assert where.startswith("../"), (path, where)


async def test_the_page_finds_its_files_without_the_slash_that_was_taken_away(
    shadowed_settings: Settings,
) -> None:
    settings = shadowed_settings.model_copy(update={"trusted_proxies": "127.0.0.1"})
    async with open_gateway(settings) as gateway, visiting(gateway) as client:
        for prefix in ("/kpi", "/plant/kpi", "/kpi/", "/k%C3%BCche"):
            page = await client.get("/", headers={"X-Forwarded-Prefix": prefix})
            names = re.findall(r'(?:href|src)="([^"#]+)"', page.text)
            assert names
            files = f"{prefix.rstrip('/')}/web."
            assert [name for name in names if not name.startswith(files)] == []


async def test_only_a_trusted_proxy_says_what_was_taken_away(plain: Gateway) -> None:
    async with visiting(plain) as client:
        page = await client.get("/", headers={"X-Forwarded-Prefix": "/kpi"})
        assert page.text == (await client.get("/")).text


@pytest.mark.parametrize(
    ("lines", "prefix"),
    [
        (["/kpi"], "/kpi"),
        (["/kpi/"], "/kpi"),
        (["/a, /b"], "/a/b"),
        (["/a", "/b/"], "/a/b"),
        (["/"], ""),
        ([], ""),
        (["kpi"], ""),
        (["//evil.example"], ""),
        (["/, /evil"], "/evil"),
        (["/\\evil.example"], ""),
        (["https://evil.example"], ""),
        (['/"><script>'], ""),
        (["/a/../b"], ""),
        (["/" + "a" * 2000], ""),
    ],
)
def test_what_proxies_say_that_they_took_away(lines: list[str], prefix: str) -> None:
    assert forwarded_prefix(lines) == prefix


@pytest.mark.parametrize(
    ("root", "path", "way"),
    [
        ("", "/", ""),
        ("", "//", ""),
        ("", "/b/lobby", "../"),
        ("", "/b//lobby/", "../../../"),
        ("/kpi", "/kpi/b/lobby", "../"),
        ("/plant/kpi", "//plant//kpi//b/lobby", "../"),
        ("/kpi", "/b/lobby", "../"),
        ("/kpi", "/kpis/x", "../"),
        ("", "http://host/b/lobby", "../"),
    ],
)
def test_the_way_home(root: str, path: str, way: str) -> None:
    assert way_home(root, path) == way


@pytest.mark.parametrize(
    ("update", "headers", "path"),
    [
        ({}, {}, "/"),
        ({"root_path": "/kpi"}, {}, "/kpi"),
        ({}, {"X-Forwarded-Prefix": "/kpi"}, "/kpi"),
        ({"root_path": "/kpi"}, {"X-Forwarded-Prefix": "/kpi"}, "/kpi"),
        ({"root_path": "/kpi"}, {"X-Forwarded-Prefix": "/plant"}, "/plant/kpi"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_session_keeps_to_its_path(
    shadowed_settings: Settings,
    update: dict[str, Any],
    headers: dict[str, str],
    path: str,
    scheme: str,
) -> None:
    """Two servers on one host must not end each other's sessions."""
    settings = shadowed_settings.model_copy(update=JWT | {"trusted_proxies": "127.0.0.1"} | update)
    forwarded = headers | {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": scheme}
    async with (
        open_gateway(settings) as gateway,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client,
    ):
        token = bearer(sign({"kpis": ["*"]}))
        made = await client.post("/session", headers=forwarded | token)
        cookie = made.headers["Set-Cookie"]
        # Over TLS the name tells the paths apart: browsers take `__Host-` with the path `/` alone.
        kept_to = path if scheme == "http" else "/"
        assert re.search(r"; Path=([^;]*)", cookie)[1] == kept_to  # type: ignore[index]
        name, _, rest = cookie.partition("=")
        below = path.replace("/", "-").rstrip("-")
        assert name == ("kpi_session" if scheme == "http" else f"__Host-kpi_session{below}")
        brought = forwarded | {"Cookie": f"{name}={rest.partition(';')[0]}"}
        assert (await client.get(f"{settings.root_path}/kpi", headers=brought)).status_code == 200
        gone = await client.delete("/session", headers=brought)
        forgotten = [line for line in gone.headers.get_list("Set-Cookie") if line.startswith(name)]
        assert [line.partition(";")[0] for line in forgotten] == [f"{name}="]
        assert f"Path={kept_to};" in forgotten[0] + ";"


@pytest.mark.parametrize("path", ["//metrics", "/%6detrics", "/metrics/", "//readyz", "/readyz/"])
async def test_what_a_proxy_keeps_inside_answers_to_its_name_alone(
    plain: Gateway, path: str
) -> None:
    async with httpx.AsyncClient() as client:
        raw = httpx.URL(f"http://127.0.0.1:{plain.port}").copy_with(raw_path=path.encode())
        assert (await client.get(raw)).status_code == 404
        own = path.replace("%6d", "m").replace("//", "/").rstrip("/")
        assert (await client.get(f"http://127.0.0.1:{plain.port}{own}")).status_code == 200
