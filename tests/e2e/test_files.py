"""The page's files as they are served."""

from __future__ import annotations

import gzip
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
