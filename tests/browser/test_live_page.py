"""A page that is open while things fail and come back; and the parts that only a browser runs."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import WIDE
from tests.product import TEST_DATA

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FRAMES = TEST_DATA / "orderbook" / "hftbacktest_spot_btcusdt_20240808.jsonl.gz"
CUT = ["WebSocket connection", "ERR_CONNECTION_REFUSED", "ERR_EMPTY_RESPONSE", "htmx:sendError"]


@pytest.mark.skipif(not FRAMES.exists(), reason="MYSTIC_TEST_DATA has no recorded frames")
def test_figures_grey_when_silent_and_return_after_a_restart(replayed, open_page):
    product = replayed(FRAMES, MYSTIC_SYMBOLS="BTC/USDT")
    page = open_page(WIDE, base_url=product.url, expected=[*CUT, "Response Status Error Code"])
    page.goto("/markets/BTCUSDT/")
    last, pill = page.locator("#last-price"), page.locator("#feed")
    expect(last).to_have_text(re.compile(r"^6\d,\d{3}\.\d{2}$"), timeout=60_000)
    expect(pill).to_have_attribute("data-state", "replay")
    expect(last).not_to_have_class(re.compile("is-stale"))

    product.kill()
    expect(last).to_have_class(re.compile("is-stale"), timeout=60_000)
    expect(pill).to_have_attribute("data-state", "offline", timeout=60_000)
    shown = last.inner_text()

    page.evaluate(
        """() => {
          document.body.dataset.reconnections = 0;
          document.body.addEventListener("mystic:reconnected", () => {
            document.body.dataset.reconnections = Number(document.body.dataset.reconnections) + 1;
          });
        }"""
    )
    product.start()
    expect(pill).to_have_attribute("data-state", "replay", timeout=60_000)
    expect(last).not_to_have_class(re.compile("is-stale"))
    expect(last).not_to_have_text(shown, timeout=60_000)
    assert page.evaluate("() => document.body.dataset.reconnections") == "1"


BARS = """async () => {
  const { BarSeries } = await import("/static/js/bars.js");
  const bar = (time, open, high, low, close, volume) => ({ time, open, high, low, close, volume });
  const flat = (one) => one && [one.time, one.open, one.high, one.low, one.close, one.volume];
  const series = new BarSeries(300, [bar(0, 1, 2, 1, 2, 10)]);
  const told = [
    series.add(bar(60, 9, 9, 9, 9, 9)),
    series.add(bar(300, 5, 6, 4, 5, 1)),
    series.add(bar(360, 5, 8, 5, 7, 2)),
    series.add(bar(360, 5, 9, 5, 6, 3)),
    series.add(bar(240, 1, 1, 1, 1, 1)),
    series.add(bar(600, 6, 6, 6, 6, 1)),
  ];
  const has = [series.has(300), series.has(60)];
  return { told: told.map(flat), all: series.list.map(flat), has };
}"""


def test_longer_bars_are_made_of_the_finer_ones_that_arrive(open_page, lonely):
    page = open_page(WIDE, base_url=lonely.url)
    page.goto("/about/")
    found = page.evaluate(BARS)
    assert found["told"] == [
        None,  # belongs to a bar that is known whole
        [300, 5, 6, 4, 5, 1],
        [300, 5, 8, 4, 7, 3],
        [300, 5, 9, 4, 6, 4],
        None,  # too late
        [600, 6, 6, 6, 6, 1],
    ]
    assert found["all"] == [[0, 1, 2, 1, 2, 10], [300, 5, 9, 4, 6, 4], [600, 6, 6, 6, 6, 1]]
    assert found["has"] == [True, False]


FORMATS = """async () => {
  const { age, percent, price, signed } = await import("/static/js/format.js");
  return {
    price: [price(61000.5, 2), price("0.08744", 5), price(null, 2), price("x", 2), price(0, 2)],
    signed: [signed(1.2), signed(-0.5), signed(0), signed(-0.001), signed(null)].map((s) => s.text),
    percent: [percent(0.0123), percent(null)],
    age: [age(0), age(340), age(12000), age(300000), age(10800000), age(null)],
  };
}"""


def test_browser_and_server_write_figures_alike(open_page, lonely):
    from mystic.templatetags import ui

    page = open_page(WIDE, base_url=lonely.url)
    page.goto("/about/")
    found = page.evaluate(FORMATS)
    values = ((61000.5, 2), ("0.08744", 5), (None, 2), ("x", 2), (0, 2))
    assert found["price"] == [ui.price(value, places) for value, places in values]
    signed = [re.sub(r"<[^>]+>", "", ui.signed(v)) for v in (1.2, -0.5, 0, -0.001, None)]
    assert found["signed"] == signed
    assert found["percent"] == [ui.percent(0.0123), ui.percent(None)]
    assert found["age"] == [ui.age(v) for v in (0, 340, 12000, 300_000, 10_800_000, None)]
