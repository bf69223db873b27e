"""Research in a browser: a strategy, its backtest, the way to a walk-forward."""

import math
import re
import subprocess
import sys
import time

import numpy as np
import pytest
from playwright.sync_api import expect

from tests import prepared
from tests.browser.conftest import PASSWORD, PHONE, WIDE
from tests.product import ROOT, Person, Product

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DAY = 86_400
DAYS = 6
NAME = "BTC/USDT@import:drawn"
WAIT_MS = 60_000  # a busy machine is no fault of the product


def bars_written(path):
    """Write minutes of whole days that ended yesterday: prices that swing, drawn from a seed."""
    drawn = np.random.default_rng(5).normal(0, 0.002, DAYS * DAY // 60)
    price = 100.0
    begin = (int(time.time()) // DAY - DAYS) * DAY
    lines = ["time,open,high,low,close,volume"]
    for n, chance in enumerate(drawn.tolist()):
        close = 100 * math.exp(0.03 * math.sin(n / 90) + chance)
        high, low = max(price, close) * 1.0005, min(price, close) * 0.9995
        lines.append(f"{begin + 60 * n},{price!r},{high!r},{low!r},{close!r},5.0")
        price = close
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory):
    """A Mystic that no source answers, with bars of a file and a person who may test on them."""
    folder = tmp_path_factory.mktemp("laboratory")
    product = Product(folder / "data")
    prepared.put(product.folder)
    subprocess.run(
        [
            *(sys.executable, "manage.py", "candles_import", bars_written(folder / "bars.csv")),
            *("--symbol", "BTC/USDT", "--source-name", "drawn"),
        ],
        cwd=ROOT,
        env=product.environment,
        check=True,
        capture_output=True,
    )
    product.start()
    Person(product).sign_up("rita", "rita@example.org")
    yield product
    product.stop()


def started(page):
    """Send the form and wait for what comes of it; return its address."""
    page.locator(".research-start").get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile(r"/(backtests|sweeps)/\d+/$"), timeout=WAIT_MS)
    return page.url


def test_from_a_strategy_to_its_backtest_and_a_walk_forward_form(laboratory, open_page, picture):
    page = open_page(WIDE, base_url=laboratory.url)
    page.goto("/accounts/login/")
    page.locator("#id_login").fill("rita")
    page.locator("#id_password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.locator("#equity-value")).to_contain_text("10,000.00")

    page.goto("/strategies/")
    card = page.locator("section.panel", has_text="Mean reversion").first
    analysis = card.get_by_role("link", name="Does it look ahead?").get_attribute("href")
    card.get_by_role("button", name="Switch on").click()
    expect(card.get_by_text("ON", exact=True)).to_be_visible()
    parity = card.locator('a[href*="/parity/"]')
    addresses = [analysis]
    if parity.count():
        addresses.append(parity.first.get_attribute("href"))
    card.get_by_role("link", name="Backtest Mean reversion").click()

    form = page.url
    expect(page.get_by_label(NAME)).to_be_checked()
    result = started(page)
    tiles = page.get_by_role("region", name="In short")
    expect(tiles).to_contain_text("Sharpe", timeout=WAIT_MS)
    expect(tiles).to_contain_text(re.compile(r"\d %"))
    expect(page.locator('[id^="trade-"]').first).to_be_visible()
    expect(page.get_by_text("A file was never live", exact=False)).to_be_visible()
    expect(page.get_by_text("Does the signal know anything?")).to_be_visible()
    picture(page, "backtest-wide", full=True)
    page.get_by_role("button", name="Run again").click()
    expect(page.get_by_text("Equal byte for byte")).to_be_visible(timeout=WAIT_MS)
    again = page.url

    page.goto(f"{form}&kind=walk_forward")
    expect(page.get_by_label("Choose on")).to_be_visible()
    walk = page.url

    runs = [re.search(r"(\d+)/$", one)[1] for one in (result, again)]
    compare = f"/backtests/compare/?run={runs[0]}&run={runs[1]}"
    addresses += ["/backtests/", form, "/backtests/new/", result, compare, walk]
    addresses.append("/backtests/combine/")
    phone = open_page(PHONE, storage=page.context.storage_state(), base_url=laboratory.url)
    for where, size in ((page, WIDE), (phone, PHONE)):
        for address in addresses:
            where.goto(address)
            where.wait_for_load_state("load")
            wide = where.evaluate("() => document.scrollingElement.scrollWidth")
            assert wide <= size["width"], (address, wide)
    phone.goto(result)
    picture(phone, "backtest-phone", full=True)
