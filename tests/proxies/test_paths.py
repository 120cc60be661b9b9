"""Each proxy as docs/proxies.md changes its file for a path that it takes away."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.proxies.kinds import KINDS, replaced, shipped
from tests.proxies.listening import listening, visiting
from tests.proxies.proxies import behind, leads, run
from tests.running import Gateway

ROOT = Path(__file__).resolve().parents[2]
DOCS = (ROOT / "docs" / "proxies.md").read_text(encoding="utf-8")


def shown(proxy: str) -> str:
    found = re.search(rf"<!-- {proxy}, taken away -->\n```\w*\n(.*?)```", DOCS, re.DOTALL)
    assert found is not None
    return found[1]


def lines(name: str, beginning: str) -> str:
    """Return the lines of a shipped file that begin so."""
    return "".join(
        line
        for line in shipped(name).splitlines(keepends=True)
        if line.lstrip().startswith(beginning)
    )


def changes(name: str) -> dict[str, str]:
    if name == "haproxy.cfg":
        return {lines(name, "http-request del-header X-Forwarded-Prefix"): shown("haproxy")}
    if name == "apache.conf":
        return {
            lines(name, "RequestHeader unset X-Forwarded-Prefix"): "",
            lines(name, "ProxyPass"): shown("apache"),
            '"^/(': '"^/kpi/(',
        }
    return {
        "kpi.example {\n": "kpi.example {\n" + shown("caddy"),
        "header_up -X-Forwarded-Prefix": "header_up X-Forwarded-Prefix /kpi",
    }


@pytest.mark.parametrize("name", ["haproxy.cfg", "apache.conf", "Caddyfile"])
async def test_a_path_that_is_taken_away_as_documented(gateway: Gateway, name: str) -> None:
    kind = KINDS[name]
    text = replaced(shipped(name), changes(name))
    async with run(kind, gateway.port, text, tls=kind.tls) as proxy:
        await leads(proxy, "/kpi/livez")
        async with visiting(proxy) as client:
            bare = await client.get("/kpi")
            assert bare.headers["Location"].endswith("/kpi/")
            # Absolute from where it is: the prefix has arrived, and not the one of the client.
            page = await client.get("/kpi/", headers={"X-Forwarded-Prefix": "/evil"})
            names = re.findall(r'(?:href|src)="([^"#]+)"', page.text)
            assert names
            assert [each for each in names if not each.startswith("/kpi/web.")] == []
            assert (await client.get("/kpi/kpi/sales")).status_code == 200
            assert (await client.get("/kpi/metrics")).status_code in {403, 404}
            async with listening(client, "/kpi/stream?channel=sales:minute") as stream:
                await stream.event("snapshot")


@pytest.mark.parametrize("name", KINDS)
async def test_the_longest_address_of_the_dashboard_passes_by_default(
    gateway: Gateway, name: str
) -> None:
    source = (ROOT / "web" / "stream" / "stream-url.js").read_text(encoding="utf-8")
    most = re.search(r"MOST_URL_BYTES = ([\d_]+)", source)
    assert most is not None
    async with behind(name, gateway.port, defaults=True) as proxy, visiting(proxy) as client:
        path = "/stream?channel=sales:minute&cursor="
        path += "c" * (int(most[1]) - len(proxy.url) - len(path))
        async with listening(client, path) as stream:
            assert stream.response.status_code == 200
            await stream.event("reset")
