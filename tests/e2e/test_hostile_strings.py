"""What people write into columns, boards and addresses is text in a real browser, and never more.

Ten thousand strings in `make soak`: each as a KPI's name, unit, group and description, as the words
of a tile, and as the name of a board here and at the server; in batches on one page.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from app.http.openapi.schemas import EVENTS
from tests.e2e.browsing import Visit
from tests.e2e.shop import NOON, Shop
from tests.http.hostile import strings
from tests.soaking import sized
from tests.world import execute

pytestmark = pytest.mark.slow

BATCH = 100
"""As many as the picker lists, and as have their codes but for two digits in common."""

COUNT = sized(BATCH, soak=10_000)
PICTURES = sized(1, soak=10)
"""One batch in so many is also made a picture and printed."""

OWN = [
    '";}*{background:url(//evil.example/a)}', "</style><style>*{display:none}</style>",
    "</title><script>alert(1)</script>", "<svg/onload=alert(1)>", "url(javascript:alert(1))",
    "</h2></article><img src=x onerror=alert(1)>", "' autofocus onfocus=alert(1) x='", "<b>x</b>",
    '"><iframe srcdoc="<script>alert(1)</script>">', "<base href=//evil.example/>", "&lt;b&#62;",
    "<meta http-equiv=refresh content='0;url=//evil.example'>", "]]><script>alert(1)</script>",
    "<math><mi xlink:href='javascript:alert(1)'>", "<a href=javascript:alert(1)>x</a>",
    "\x01\x02\x1b\x7f\ufffe\uffff", "${alert(1)}", "{{constructor.constructor('alert(1)')()}}",
]  # fmt: skip
"""Kinds that a page breaks on, before those of the file."""

TRIMMED = "\t\n\v\f\r \xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(
    map(chr, range(0x2000, 0x200B))
)
"""What JavaScript's `trim` takes away; Python's `strip` knows others."""

WATCH = """
  window.violations = [];
  addEventListener('securitypolicyviolation', (e) => window.violations.push(e.violatedDirective));
"""

SHOW = """
async ([id, codes, texts]) => {
  const { toFragment } = await import('/web/board/link.js');
  const { newTile, KPI_VIEWS, toStored } = await import('/web/board/board.js');
  const { storageKey } = await import('/web/board/storage.js');
  const named = texts.map((name, at) => toStored({ id: `n${at}`, name, tiles: [] }));
  localStorage.setItem(storageKey('/'), JSON.stringify(named));
  const tiles = codes.flatMap((code, at) => [
    newTile({ code, period: 'minute', view: KPI_VIEWS[at % KPI_VIEWS.length] }),
    newTile({ view: at % 2 ? 'text' : 'heading', title: texts[at] }),
    ...(at % 10 ? [] : [newTile({ code, period: 'minute', view: 'line', title: texts[at] })]),
  ]);
  const all = newTile({ code: `${codes[0].slice(0, -2)}*`, period: 'minute', view: 'rank' });
  location.hash = toFragment({ id, name: texts[0], tiles: [all, ...tiles] });
}
"""

SHOWN = """
([id, codes]) => {
  const own = (code) => document.querySelector(`kpi-tile[channel="${code}:minute"]:not([label]),`
    + `kpi-tile[channel="${code}:minute"][label=""]`);
  if (!location.hash.includes(`id=${id}&`) || !codes.every(own)) return null;
  const names = codes.map((code) => own(code).shadowRoot.querySelector('h2').textContent);
  // Until the catalogue has been looked at a tile is called by its code.
  if (names.some((name, at) => name === codes[at])) return null;
  const group = document.querySelector(`kpi-group[match="${codes[0].slice(0, -2)}*"]`);
  const ranked = [...group.shadowRoot.querySelectorAll('li')].map((row) => [
    row.querySelector('.what').textContent, row.querySelector('b').textContent.split('\u202f'),
  ]);
  if (ranked.length < codes.length || ranked.some(([, [value]]) => value === '\u2013')) return null;
  return {
    names,
    titles: codes.map((code) => own(code).shadowRoot.querySelector('h2').title),
    words: [...document.querySelectorAll('.words > div:first-child')].map((e) => e.textContent),
    board: document.querySelector('#board-name').textContent,
    ranked: ranked.map(([name, [, ...unit]]) => [name, unit.join('\u202f')]),
  };
}
"""

TEXTS = "(elements) => elements.map((element) => element.textContent)"

STREAMED = """
async ([texts, kinds]) => {
  const one = (text) => new Promise((done) => {
    const target = `/kpi/h00000/stream?history=2&cursor=${encodeURIComponent(text)}`;
    const source = new EventSource(target);
    const seen = [];
    source.onerror = () => { source.close(); done(['error']); };
    for (const kind of [...kinds, 'message']) source.addEventListener(kind, ({ data }) => {
      seen.push(JSON.parse(data).kpi === 'h00000' ? kind : data);
      if (kind === 'snapshot') { source.close(); done(seen); }
    });
  });
  const odd = [];
  for (const text of texts) {
    const seen = await one(text);
    if (`${seen}` !== (text ? 'reset,snapshot' : 'snapshot')) odd.push([text, seen]);
  }
  return odd;
}
"""

LISTED = """
(names) => {
  const rows = [...document.querySelectorAll('.boards-menu li span:first-child')];
  const seen = rows.map((row) => row.textContent);
  return JSON.stringify(seen.sort()) === JSON.stringify(names.sort());
}
"""

FOUND = """
() => {
  const odd = [];
  const counts = {};
  const walk = (root) => {
    for (const element of root.querySelectorAll('*')) {
      const tag = element.localName;
      if (/^(script|style|link|meta|base|iframe|object|embed|form|img|a|math|template)$/.test(tag))
        counts[tag] = (counts[tag] ?? 0) + 1;
      for (const { name, value } of element.attributes) {
        if (name.startsWith('on') || name === 'srcdoc' || /^\\s*javascript:/i.test(value)
          && /href|src|action/.test(name)) odd.push(`${tag} ${name}`);
      }
      if (element.shadowRoot) walk(element.shadowRoot);
    }
  };
  walk(document);
  return { odd, counts, pwned: window.__pwned ?? null, violations: window.violations };
}
"""


def hostile(count: int) -> list[str]:
    """Return strings that PostgreSQL can hold, whose scripts would leave a mark."""
    made = (text.replace("\0", "") for text in OWN + strings(count))
    marked = (re.sub(r"alert\(1\)", "(window.__pwned=1)", text)[:1000] for text in made)
    return [text for text in dict.fromkeys(marked) if text.strip()][:count]


@pytest_asyncio.fixture(loop_scope="session")
async def hostile_shop(shop: Shop) -> AsyncIterator[Shop]:
    await execute(shop.gateway.database, "DELETE FROM kpi_catalog")
    await execute(
        shop.gateway.database,
        "INSERT INTO kpi_catalog (code, name, unit, group_name, description)"
        " SELECT 'h' || to_char(n - 1, 'FM00000'), t, t, t, t"
        " FROM unnest($1::text[]) WITH ORDINALITY AS _(t, n)",
        hostile(COUNT),
    )
    await shop.write([(f"h{n:05}", NOON - 90, 1234.5) for n in range(COUNT)])
    yield shop


async def found(page: Page) -> dict[str, Any]:
    """Return what would be there if something had broken out."""
    seen: dict[str, Any] = await page.evaluate(FOUND)
    return seen


@pytest.mark.soak
@pytest.mark.timeout(sized(120, soak=3600))
async def test_no_string_is_more_than_text(hostile_shop: Shop, visit: Visit) -> None:
    shop, texts = hostile_shop, hostile(COUNT)
    asked: list[str] = []
    visit.context.on("request", lambda request: asked.append(request.url))
    await visit.context.add_init_script(WATCH)
    dashboard = await visit.open("#id=first&name=First&t=h00000:minute,line")  # which loads uPlot
    page = dashboard.page
    page.on("dialog", lambda dialog: asked.append(f"dialog {dialog.message}"))
    await dashboard.until_all_live()
    await page.wait_for_selector("kpi-tile canvas")
    before = await found(page)
    for number, first in enumerate(range(0, len(texts), BATCH)):
        batch = texts[first : first + BATCH]
        codes = [f"h{first + at:05}" for at in range(len(batch))]
        await share(shop, batch)
        await check(page, f"b{number}", codes, batch)
        now = await found(page)
        assert now["odd"] == [] and now["pwned"] is None and now["violations"] == []
        rare = {tag: count for tag, count in now["counts"].items() if tag != "style"}
        assert rare == {tag: count for tag, count in before["counts"].items() if tag != "style"}
        await look_into_menus(page, codes, batch)
        if number % PICTURES == 0:
            await picture_and_print(page)
        assert (await found(page))["odd"] == []
    allowed = (shop.url, "data:", "blob:")
    assert [url for url in asked if not url.startswith(allowed)] == []


@pytest.mark.soak
@pytest.mark.timeout(sized(120, soak=3600))
async def test_no_cursor_makes_an_event_of_its_own(hostile_shop: Shop, visit: Visit) -> None:
    """What the browser's own EventSource dispatches of streams with hostile cursors."""
    page = (await visit.open("livez")).page
    texts = strings()[:: sized(500, soak=1)]
    for first in range(0, len(texts), BATCH):
        batch = [text[:2000] for text in texts[first : first + BATCH]]
        assert await page.evaluate(STREAMED, [batch, list(EVENTS)]) == []


async def share(shop: Shop, texts: Sequence[str]) -> None:
    """Put boards so named, by people so named, into the database."""
    await execute(shop.gateway.database, "DELETE FROM kpi_boards")
    await execute(
        shop.gateway.database,
        "INSERT INTO kpi_boards (slug, version, name, definition, updated_by)"
        " SELECT 's' || n, 1, t, '{\"tiles\": []}', t"
        " FROM unnest($1::text[]) WITH ORDINALITY AS _(t, n)",
        list(texts),
    )


async def check(page: Page, id: str, codes: Sequence[str], texts: Sequence[str]) -> None:
    """Show a batch, and see that each string is there as it was written."""
    await page.evaluate(SHOW, [id, list(codes), list(texts)])
    shown = await page.wait_for_function(SHOWN, arg=[id, list(codes)])
    seen = await shown.json_value()
    assert seen["names"] == list(texts)
    assert all(text in title for text, title in zip(texts, seen["titles"], strict=True))
    assert seen["words"] == [clipped(text, 400) for text in texts]
    assert seen["board"] == board_name(texts[0])
    assert Counter(map(tuple, seen["ranked"])) == Counter((t, unit_after(t)) for t in texts)


def unit_after(text: str) -> str:
    """Return a unit as the page writes it after a number."""
    if text.startswith("1/"):
        return text[1:]
    return f"\N{MULTIPLICATION SIGN} {text}" if re.match("[0-9]", text) else text


def board_name(text: str) -> str:
    """Return what the page calls a board that was named so."""
    return clipped(text.strip(TRIMMED), 60) or "Board"


def clipped(text: str, most: int) -> str:
    """Return what JavaScript's `slice` leaves, which counts UTF-16 units."""
    return text.encode("utf-16-le")[: 2 * most].decode("utf-16-le", "surrogatepass")


async def look_into_menus(page: Page, codes: Sequence[str], texts: Sequence[str]) -> None:
    """Open what lists names, groups and descriptions: the picker, a tile's menu, the boards'."""
    await page.locator("#add").click()
    await page.locator("dialog.picker input").fill(codes[0][:-2])
    listed = page.locator("dialog.picker li")
    await expect(listed).to_have_count(len(codes))
    assert sorted(await listed.locator(".what").evaluate_all(TEXTS)) == sorted(texts)
    said = await listed.locator(".code").evaluate_all(TEXTS)
    assert sorted(said) == sorted(
        f"{text} · {code} · {text}" for text, code in zip(texts, codes, strict=True)
    )
    assert (await found(page))["odd"] == []
    await page.locator("dialog.picker footer .primary").click()
    await page.locator(".cell .more").first.click(force=True)
    await page.wait_for_selector(".tile-menu")
    assert (await found(page))["odd"] == []
    await page.keyboard.press("Escape")
    await page.locator("#boards").click()
    names = [board_name(texts[0]), *map(board_name, texts), *texts]
    await page.wait_for_function(LISTED, arg=names)  # this one, this browser's, the team's
    assert (await found(page))["odd"] == []
    await page.keyboard.press("Escape")


async def picture_and_print(page: Page) -> None:
    async with page.expect_download() as downloading:
        await page.locator("#boards").click()
        await page.get_by_role("button", name="Save as picture").click()
    assert (await (await downloading.value).path()).read_bytes().startswith(b"\x89PNG")
    assert (await page.pdf(format="A4")).startswith(b"%PDF")
