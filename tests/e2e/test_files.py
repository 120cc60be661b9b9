"""The page's files as they are served."""

from __future__ import annotations

import gzip
import re
import shutil
from pathlib import Path

import httpx
import pytest

from app.http.web_files import WebFiles
from tests.e2e.shop import Shop

WEB = Path(__file__).parents[2] / "web"
MOST_BYTES = 170 * 1024


@pytest.mark.parametrize("path", ["", "web/main.js", "web/vendor/uPlot.iife.min.js"])
async def test_a_browser_asks_each_time_and_gets_a_file_once(shop: Shop, path: str) -> None:
    async with httpx.AsyncClient() as client:
        first = await client.get(shop.url + path)
        assert first.status_code == 200
        assert first.headers["cache-control"] == "no-cache"
        assert "expires" not in first.headers
        again = {"If-None-Match": first.headers["etag"]}
        second = await client.get(shop.url + path, headers=again)
        assert (second.status_code, second.content) == (304, b"")


async def test_files_are_compressed_for_those_who_take_that(shop: Shop) -> None:
    async with httpx.AsyncClient() as client:
        plain = await client.get(f"{shop.url}web/main.js", headers={"Accept-Encoding": "identity"})
        zipped = await client.get(f"{shop.url}web/main.js", headers={"Accept-Encoding": "gzip"})
        assert zipped.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.headers
        assert zipped.text == plain.text == (WEB / "main.js").read_text(encoding="utf-8")
        assert zipped.headers["etag"] != plain.headers["etag"]
        assert zipped.headers["content-type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize(
    "name", ["nothing.js", "../pyproject.toml", "%2e%2e/pyproject.toml", ".", "a%00b"]
)
async def test_nothing_outside_the_folder_is_served(shop: Shop, name: str) -> None:
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{shop.url}web/{name}")).status_code == 404


async def test_every_module_is_fetched_at_once(shop: Shop) -> None:
    """A module found only while another is read would wait for it."""
    imported: set[Path] = set()
    queue = [WEB / "start.js", WEB / "main.js"]
    while queue:
        module = queue.pop()
        if module not in imported:
            imported.add(module)
            text = module.read_text(encoding="utf-8")
            found = re.findall(r"^(?:import|export)[^;]*?'(\.[^']+)';", text, re.MULTILINE)
            queue += [(module.parent / name).resolve() for name in found]
    async with httpx.AsyncClient() as client:
        index = (await client.get(shop.url)).text
    preloaded = re.findall(r'<link rel="modulepreload" href="web\.\w+/([^"]+)"', index)
    assert sorted(preloaded) == sorted(str(module.relative_to(WEB)) for module in imported)


async def test_a_page_and_all_its_files_are_of_one_release(shop: Shop) -> None:
    async with httpx.AsyncClient(base_url=shop.url) as client:
        index = await client.get("")
        version = (await client.get("kpi")).json()["version"]
        assert f'<meta name="kpi-version" content="{version}" />' in index.text
        folders = set(re.findall(r'(?:href|src)="(web[^/]*)/', index.text))
        assert folders == {f"web.{version}"}
        module = await client.get(f"web.{version}/main.js")
        assert module.headers["cache-control"] == "public, max-age=31536000, immutable"
        # A server of another release has no such file, rather than one that does not belong.
        assert (await client.get("web.0123456789ab/main.js")).status_code == 404
        assert (await client.get("web.0123456789ab/vendor/uPlot.iife.min.js")).status_code == 200
        embedded = await client.get("web/kpi-tile.js")
        assert embedded.status_code == 302
        assert embedded.headers["location"] == f"../web.{version}/kpi-tile.js"


async def test_a_changed_file_makes_another_folder(tmp_path: Path) -> None:
    shutil.copytree(WEB, tmp_path / "web")
    files = WebFiles(tmp_path / "web")
    before = files.digest
    assert before == files.version == WebFiles(WEB).version
    (tmp_path / "web" / "main.js").write_text("import './start.js';\n")
    assert files.digest != before
    assert files.version == before, "a page that is open must not be told of work in progress"
    assert f"web.{files.digest}/main.js" in files.page()[0].plain.decode()


async def test_the_page_allows_nothing_that_it_does_not_need(shop: Shop) -> None:
    async with httpx.AsyncClient(base_url=shop.url) as client:
        for path in ("", "b/nothing"):
            headers = (await client.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'self'" in policy
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["x-content-type-options"] == "nosniff"


def test_all_files_together_are_small() -> None:
    files = [file for file in WEB.rglob("*") if file.is_file()]
    assert len(files) > 30
    assert sum(len(gzip.compress(file.read_bytes())) for file in files) <= MOST_BYTES


def test_nothing_is_loaded_from_elsewhere() -> None:
    own = ("http://www.w3.org/", "https://host/")
    for file in WEB.rglob("*"):
        if file.is_file() and "vendor" not in file.parts:
            text = file.read_text(encoding="utf-8")
            for address in own:
                text = text.replace(address, "")
            assert "http://" not in text and "https://" not in text, file
