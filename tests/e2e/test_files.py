"""The page's files as they are served."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import httpx
import pytest

from tests.e2e.shop import Shop

WEB = Path(__file__).parents[2] / "web"
MOST_BYTES = 150 * 1024


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


@pytest.mark.parametrize("name", ["nothing.js", "../pyproject.toml", "%2e%2e/pyproject.toml", "."])
async def test_nothing_outside_the_folder_is_served(shop: Shop, name: str) -> None:
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{shop.url}web/{name}")).status_code == 404


def test_every_module_is_fetched_at_once() -> None:
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
    index = (WEB / "index.html").read_text(encoding="utf-8")
    preloaded = re.findall(r'<link rel="modulepreload" href="web/([^"]+)"', index)
    assert sorted(preloaded) == sorted(str(module.relative_to(WEB)) for module in imported)


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
