"""One person's whole way, on the recorded market: sign up, strategy, price, order, alert."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PASSWORD, PHONE, WIDE
from tests.product import TEST_DATA

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FRAMES = TEST_DATA / "orderbook" / "hftbacktest_spot_btcusdt_20240808.jsonl.gz"


@pytest.mark.skipif(not FRAMES.exists(), reason="MYSTIC_TEST_DATA has no recorded frames")
def test_from_sign_up_to_an_alert(replayed, open_page, picture):
    product = replayed(FRAMES, MYSTIC_SYMBOLS="BTC/USDT")
    page = open_page(WIDE, base_url=product.url)

    page.goto("/accounts/signup/")
    page.get_by_label("Username").fill("olga")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign up").click()
    expect(page.locator("#replay-banner")).to_be_visible()
    expect(page.locator("#equity-value")).to_contain_text("10,000.00")

    page.goto("/strategies/")
    card = page.locator("section.panel", has_text="Smart-Money confluence")
    card.get_by_role("button", name="Switch on").click()
    expect(card.get_by_text("ON", exact=True)).to_be_visible()

    page.goto("/markets/BTCUSDT/")
    last = page.locator("#last-price")
    expect(last).to_have_text(re.compile(r"^6\d,\d{3}\.\d{2}$"), timeout=60_000)
    first = last.inner_text()
    expect(last).not_to_have_text(first, timeout=60_000)
    expect(page.locator(".ladder-bid tr")).to_have_count(10)
    expect(page.locator("#feed")).to_have_attribute("data-state", "replay")
    best_bid = page.locator(".ladder-bid tr").first.locator("td").first.inner_text()
    assert re.fullmatch(r"6\d,\d{3}\.\d{2}", best_bid)

    page.get_by_label("Quantity in BTC").fill("0.001")
    page.get_by_role("button", name="Buy BTC").click()
    row = page.locator('#panel-positions tr[id^="position-"]')
    expect(row).to_have_count(1, timeout=60_000)
    expect(row).to_contain_text("0.001")
    expect(row.locator("[data-line-kind=stop]")).not_to_have_text("—")
    expect(page.locator("#bell-count")).to_have_text(re.compile(r"[1-9]"), timeout=60_000)
    picture(page, "symbol-wide")
    page.get_by_role("tab", name="Orders").click()
    expect(page.locator("#panel-orders")).to_contain_text("filled", ignore_case=True)

    page.goto("/")
    expect(page.get_by_role("region", name="Alerts", exact=True)).to_contain_text("BTC/USDT")
    expect(page.locator('[id^="position-"]')).to_have_count(1)
    provenance = page.locator('tr[data-symbol="BTC/USDT"] .prov').first
    provenance.locator("summary").click()
    expect(provenance.locator('[data-part="source"]')).to_have_text("replay:binance")
    expect(provenance.locator('[data-part="state"]')).to_contain_text("replay")
    page.keyboard.press("Escape")
    picture(page, "dashboard-wide")

    page.goto("/alerts/")
    expect(page.locator("#alert-history")).to_contain_text("BTC/USDT")

    storage = page.context.storage_state()
    phone = open_page(PHONE, storage=storage, base_url=product.url)
    for path, name in (("/", "dashboard"), ("/markets/BTCUSDT/", "symbol"), ("/alerts/", "alerts")):
        phone.goto(path)
        phone.wait_for_load_state("networkidle")
        phone.wait_for_timeout(1000)
        assert phone.evaluate("() => document.documentElement.scrollWidth") == PHONE["width"], path
        picture(phone, f"{name}-phone", full=True)
