"""Stop and target of each trade as it was opened: by hand, and as the kernel held them."""

from dataclasses import replace

import pytest
from hypothesis import given

from tests.trading.backtest.small import BARE, WIDE, decided, listing_of
from tests.trading.backtest.test_kernel_forms import SETTINGS, assumptions, portfolios
from trading.backtest import booking
from trading.backtest.attached import attached
from trading.backtest.engine import simulate
from trading.backtest.layout import E_STOP, E_TAKE, NUMBER
from trading.backtest.portfolio import Slot

FLAT = (10, 10, 10, 10)
ACCOUNT = replace(BARE, stops="account", limits=replace(WIDE, stop_ppm=200_000, take_milli=1_500))


def told(rows, decisions, assumed):
    listing, slots = listing_of(rows), [Slot(0, decisions, 60)]
    found = simulate([listing], slots, assumed, is_compiled=False)
    return attached(found, [listing], slots, assumed)


def test_nothing_traded_has_nothing_attached():
    assert told([FLAT, FLAT], decided(2), ACCOUNT) == []


def test_the_account_puts_them_around_the_price_of_the_order():
    # 20 % below 12.00 is 9.60; one and a half times that distance above is 15.60.
    rows = [FLAT, (12, 12, 12, 12), FLAT]
    assert told(rows, decided(3, enter=[0]), ACCOUNT) == [(960, 1560)]


def test_half_the_spread_is_in_the_price_that_they_are_put_around():
    # 10.00 is bought at 10.10: the stop 8.08, the target 10.10 + 1.5 * 2.02 = 13.13.
    costly = replace(ACCOUNT, half_spread_ppm=10_000)
    assert told([FLAT] * 3, decided(3, enter=[0]), costly) == [(808, 1313)]


def test_a_resting_order_has_them_around_its_own_price():
    # A limit 5 % below 10.00 is 9.50: 7.60 and 9.50 + 1.5 * 1.90 = 12.35.
    resting = replace(ACCOUNT, entry="limit", entry_offset_ppm=50_000)
    rows = [FLAT, (10, 10, 9, 10), FLAT]
    assert told(rows, decided(3, enter=[0], price=10), resting) == [(760, 1235)]


def test_those_of_the_decision_come_first():
    strategy = replace(ACCOUNT, stops="strategy")
    both = decided(3, enter=[0], stop=9.123, take=14.5)
    assert told([FLAT] * 3, both, strategy) == [(912, 1450)]
    # Without a target of its own: 10.00 + 1.5 * 1.00.
    assert told([FLAT] * 3, decided(3, enter=[0], stop=9), strategy) == [(900, 1150)]


@SETTINGS
@given(portfolios(), assumptions())
def test_they_are_what_the_kernel_opened_with(portfolio, assumed):
    held = []
    opened = booking._open

    def noted(w, s, m, now, price):
        held.append((now, w[s + NUMBER], w[s + E_STOP], w[s + E_TAKE]))
        opened(w, s, m, now, price)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(booking, "_open", noted)
        found = simulate(*portfolio, assumed, is_compiled=False)
    wanted = [one[2:] for one in sorted(held, key=lambda one: one[:2])]
    assert attached(found, *portfolio, assumed) == wanted
