"""The whole of the dashboard, without a pointer."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.e2e.browsing import Visit
from tests.e2e.test_boards import THREE, until_codes

MOST_TABS = 60


async def tab_to(page: Page, selector: str) -> None:
    """Press Tab until what is wanted has the focus, as somebody without a pointer does."""
    for _ in range(MOST_TABS):
        await page.keyboard.press("Tab")
        if await page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            return
    raise AssertionError(f"{selector} cannot be reached")


async def test_a_board_is_filled_arranged_shared_and_shown_by_the_keyboard(visit: Visit) -> None:
    dashboard = await visit.open("#id=k&name=Keys")
    page = dashboard.page
    await expect(page.get_by_role("button", name="Choose KPIs")).to_be_visible()
    await page.keyboard.press("a")
    for text in ("packed", "stock"):
        await page.get_by_role("combobox").fill("")
        await page.keyboard.type(text)
        await expect(page.get_by_role("option")).to_have_count(1)
        await page.keyboard.press("Enter")
    await page.keyboard.press("Escape")
    await until_codes(dashboard, ["orders", "stock"])
    await dashboard.until_all_live()

    await tab_to(page, ".cell .grip")
    await page.keyboard.press("ArrowRight")
    await until_codes(dashboard, ["stock", "orders"])

    await tab_to(page, ".cell .more")
    await page.keyboard.press("Enter")
    menu = page.locator(".tile-menu")
    await expect(menu.get_by_label("Number", exact=True)).to_be_focused()
    await page.keyboard.press("ArrowRight")
    await expect(page.locator("kpi-tile[view=line]")).to_have_count(1)
    await tab_to(page, ".tile-menu .action:nth-of-type(3)")
    await page.keyboard.press("Enter")
    await expect(page.locator("kpi-tile")).to_have_count(3)
    await expect(menu).to_be_hidden()

    await tab_to(page, ".cell .periods input")
    await page.keyboard.press("ArrowRight")
    await expect(page.locator("kpi-tile[channel$=':hour']")).to_have_count(1)

    await page.keyboard.press("Shift+Tab")
    await tab_to(page, "kpi-tile[view=line]")
    await page.keyboard.press("+")
    await expect(page.get_by_role("button", name="Whole range")).to_be_visible()
    await page.keyboard.press("0")

    await page.locator("#boards").focus()
    await page.keyboard.press("Enter")
    await tab_to(page, "[aria-label='Name of this board']")
    await page.keyboard.press("Control+a")
    await page.keyboard.type("By keys")
    await page.keyboard.press("Enter")
    await expect(page.locator("#board-name")).to_have_text("By keys")
    await page.keyboard.press("Escape")
    await expect(page.locator(".boards-menu")).to_be_hidden()
    await expect(page.locator("#boards")).to_be_focused()
    await page.keyboard.press("Enter")
    await tab_to(page, ".boards-menu .actions:nth-of-type(2) .action:nth-of-type(2)")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"/b/by-keys$"))

    await page.keyboard.press("w")
    await expect(page.get_by_role("button", name="Add KPI")).to_be_hidden()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Add KPI")).to_be_visible()


async def test_all_keys_are_listed(visit: Visit) -> None:
    dashboard = await visit.open(THREE)
    await dashboard.until_all_live()
    await dashboard.page.keyboard.press("?")
    await expect(dashboard.page.get_by_role("dialog", name="Keys")).to_be_visible()
    await dashboard.page.keyboard.press("Escape")
    await dashboard.page.keyboard.press("a")
    await expect(dashboard.page.get_by_role("dialog", name="Choose KPIs")).to_be_visible()


@pytest.mark.parametrize("opener", ["?", "a"])
async def test_a_key_pressed_as_soon_as_a_dialog_is_closed_counts(
    visit: Visit, opener: str
) -> None:
    """The focus is still in the dialog then, until the next frame is drawn."""
    dashboard = await visit.open(THREE)
    await dashboard.until_all_live()
    await dashboard.page.keyboard.press(opener)
    await expect(dashboard.page.get_by_role("dialog")).to_be_visible()
    closed_in = await dashboard.page.evaluate(
        """() => {
            const dialog = document.querySelector('dialog[open]');
            dialog.close();
            const { activeElement } = document;
            activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'a', bubbles: true }));
            return dialog.contains(activeElement);
        }"""
    )
    assert closed_in
    await expect(dashboard.page.get_by_role("dialog", name="Choose KPIs")).to_be_visible()
