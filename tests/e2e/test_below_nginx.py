"""The dashboard below a path of a real nginx, which takes the path away or passes it on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser

from app.settings import Settings
from tests.e2e.browsing import open_visit
from tests.e2e.shop import Shop, fill
from tests.e2e.test_boards import THREE, until_codes
from tests.proxies.kinds import KINDS, replaced, shipped
from tests.proxies.listening import listening, visiting
from tests.proxies.proxies import leads, run
from tests.running import open_gateway

pytestmark = pytest.mark.slow

DOCS = Path(__file__).resolve().parents[2] / "docs" / "proxies.md"
ALL = "    location / {\n        proxy_pass http://kpi_stream;\n    }\n"
PREFIX = '    proxy_set_header X-Forwarded-Prefix "";\n'


def taken_away() -> str:
    """Return the shipped file, changed as docs/proxies.md says."""
    text = DOCS.read_text(encoding="utf-8")
    found = re.search(r"<!-- nginx, taken away -->\n```nginx\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return replaced(shipped("nginx.conf"), {PREFIX: "", ALL: found[1]})


def doubled() -> str:
    """Return what people write: `/kpi/x` becomes `//x`, and `/kpi` is not redirected."""
    location = "    location ^~ /kpi {\n        proxy_pass http://kpi_stream/;\n    }\n"
    named = PREFIX.replace('""', "/kpi")
    return replaced(shipped("nginx.conf"), {PREFIX: named, ALL: location})


@pytest.mark.parametrize(
    ("text", "root"),
    [(taken_away(), ""), (doubled(), ""), (shipped("nginx.conf"), "/kpi")],
    ids=["taken away", "doubled slashes", "passed on"],
)
async def test_the_dashboard_below_a_path(
    browser: Browser, quick_settings: Settings, text: str, root: str
) -> None:
    settings = quick_settings.model_copy(update={"root_path": root, "trusted_proxies": "127.0.0.1"})
    async with open_gateway(settings) as gateway:
        shop = Shop(gateway)
        await fill(shop)
        async with run(KINDS["nginx.conf"], gateway.port, text, tls=True) as proxy:
            await leads(proxy, "/kpi/livez")
            async with open_visit(browser, proxy.url, ignore_https_errors=True) as visit:
                missing: list[str] = []
                visit.context.on(
                    "response",
                    lambda answer: missing.append(answer.url) if answer.status >= 400 else None,
                )
                for address in ("/kpi/", "/kpi"):
                    dashboard = await visit.open(address + THREE)
                    await dashboard.until_all_live()
                    await until_codes(dashboard, ["orders", "margin", "stock"])
                    assert await dashboard.page.evaluate("location.pathname") == "/kpi/"
                    await dashboard.page.close()
                docs = await visit.open("/kpi/docs/")
                await docs.page.get_by_text("/stream").first.wait_for()
                assert missing == []
            async with (
                visiting(proxy) as client,
                listening(client, "/kpi/stream?channel=orders:minute") as stream,
            ):
                await stream.event("snapshot")
                description = await client.get("/kpi/openapi.json")
                assert description.json()["servers"] == [{"url": "./"}]
                assert (await client.get("/kpi/kpi/orders")).status_code == 200
