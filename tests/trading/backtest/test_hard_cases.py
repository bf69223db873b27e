"""Cases in which a simulation could be kinder than a market, or lose or make money of nothing."""

from dataclasses import replace

import numpy as np

from tests.trading.backtest.small import BARE, WIDE, decided, listing_of, run
from tests.trading.backtest.test_fill_rules import ACCOUNT, FLAT, life, only
from trading.backtest.engine import simulate
from trading.backtest.portfolio import Slot
from trading.backtest.results import Leave
from trading.execution.fees import FeeSchedule
from trading.execution.terms import Terms


def test_the_rest_of_an_order_pays_half_the_spread_once_as_its_beginning_did():
    told = replace(BARE, half_spread_ppm=10_000, volume_share_ppm=100_000, market_band_ppm=200_000)
    rows = [FLAT, (10, 10, 10, 10, 300), (10, 10, 10, 10, 300), (10, 10, 10, 10, 300), FLAT]
    found = run(rows, decided(5, enter=[0]), told)
    # 1,000.00 with a band of 20 % buy 82 at 10.10: 30, 30 and 22, each 1 % above the open.
    assert found.fills[:, 4].tolist() == [30, 30, 22]
    assert found.fills[:, 5].tolist() == [1_010, 1_010, 1_010]


def test_what_no_volume_was_left_for_at_the_target_is_stopped_in_the_same_bar():
    share = replace(ACCOUNT, volume_share_ppm=100_000)
    rows = [FLAT, FLAT, (13, 13, 7, 12, 600), (6, 6, 6, 6), FLAT]
    found = run(rows, decided(5, enter=[0]), share)
    # 60 of 100 at the open beyond the target of 12; then the price fell through the stop of 8.
    assert found.fills[1:, [2, 4, 5]].tolist() == [[179, 60, 1_300], [180, 40, 600]]
    trade = only(found)
    assert (trade.leave, trade.profit) == (Leave.STOP, 60 * 300 - 40 * 400)
    assert life(found, 3)[-2:] == [("fill_part", ""), ("cancel", "other_filled")]


def test_the_low_of_the_bar_of_the_target_counts_for_the_largest_loss():
    found = run([FLAT, FLAT, (10, 13, 9, 12), FLAT], decided(4, enter=[0]), ACCOUNT)
    trade = only(found)
    assert (trade.leave, trade.worst, trade.best) == (Leave.TAKE, -10_000, 20_000)


def test_the_largest_loss_knows_what_was_paid_for_a_part_that_left():
    share = replace(ACCOUNT, volume_share_ppm=100_000)
    fees = FeeSchedule(maker_ppm=0, taker_ppm=10_000)
    rows = [FLAT, FLAT, (10, 10, 8, 9, 500), (9, 9, 8, 8, 0), (9, 9, 9, 9), FLAT]
    trade = only(run(rows, decided(6, enter=[0]), share, fees=fees))
    # 99 at 10.00 with 9.90 of fees; 50 at 8.00 with 4.00 of fees; 49 could have brought 8.00.
    assert trade.quantity == 99
    assert trade.worst == 99 * (800 - 1_000) - 990 - 400


ADDING = replace(
    BARE,
    entry="limit",
    entry_offset_ppm=0,
    entry_bars=3,
    limits=replace(WIDE, position_ppm=500_000),
)
"""Limits at the decision's price, half of the money in one position at most."""


def added(rows, prices, stops, takes, told=ADDING):
    """A decision before the first bar that fills, another before the second."""
    wishes = decided(len(rows), enter=[0, 1])
    columns = {"price": prices, "stop": stops, "take": takes}
    padded = {
        name: np.array([*told_by, *[np.nan] * (len(rows) - 2)]) for name, told_by in columns.items()
    }
    return run(rows, replace(wishes, **padded), told)


def test_a_stop_above_a_resting_limit_is_met_before_it():
    # 10.01 is taken at the open of 10.00; the next limit of 8.50 would draw the stop down to 7.00.
    rows = [FLAT, FLAT, (10, 10, 8, 10), FLAT]
    found = added(rows, (10.01, 8.5), (9, 7), (50, 50))
    trade = only(found)
    assert (trade.leave, trade.exit_price, trade.quantity) == (Leave.STOP, 900, 49)
    assert len(found.fills) == 2
    # A limit above the stop is met first, and its stop of 7.00 holds for all.
    assert only(added(rows, (10.01, 9.5), (9, 7), (50, 50))).leave is Leave.OPEN
    # Where the bar begins below the stop, that comes first, whatever rests.
    rows = [FLAT, FLAT, FLAT, (8.5, 8.5, 7.5, 8), FLAT]
    trade = only(added(rows, (10.01, 9.5), (9, 7), (50, 50)))
    assert (trade.leave, trade.exit_price, trade.quantity) == (Leave.STOP, 850, 49)


def test_the_high_of_a_bar_is_no_target_for_what_a_limit_added_in_it():
    limits = replace(ADDING.limits, position_ppm=900_000)
    rows = [FLAT, FLAT, (10, 12, 9, 10), FLAT]
    found = added(
        rows, (10.01, 9.5), (5, 5), (11, 11), replace(ADDING, limits=limits, market_band_ppm=0)
    )
    assert only(found).leave is Leave.OPEN


def test_a_stop_that_a_stop_order_would_draw_away_is_met_first():
    told = replace(ADDING, entry="stop", market_band_ppm=100_000)
    rows = [FLAT, (10, 10, 9.8, 10), (9.2, 11, 8, 10), FLAT]  # the fall left room for 2 at 11.00
    trade = only(added(rows, (10, 11), (9, 7), (50, 50), told))
    assert (trade.leave, trade.exit_price) == (Leave.STOP, 900)


def test_a_target_that_is_never_met_may_be_as_far_as_a_float_goes():
    for take in (1e15, 1e300, np.inf):
        found = run([FLAT] * 4, decided(4, enter=[0], stop=5, take=take))
        assert (only(found).leave, found.denied) == (Leave.OPEN, {})
    for stop in (1e15, np.inf):
        assert run([FLAT] * 4, decided(4, enter=[0], stop=stop)).denied == {"stop_wrong_side": 1}
    # As paper: a stop that is no price is none, and that of the limits is taken.
    for stop in (np.nan, -1.0, 0.0):
        trade = only(run([FLAT, FLAT, (5, 5, 5, 5), FLAT], decided(4, enter=[0], stop=stop)))
        assert (trade.leave, trade.exit_price) == (Leave.STOP, 500)


def test_many_small_parts_whose_fees_are_rounded_up_do_not_overdraw_the_account():
    terms = Terms(base_scale=3, quote_scale=2, price_scale=2)
    told = replace(BARE, cash=40_002, volume_share_ppm=10_000)
    rows = [(100, 100, 100, 100, volume) for volume in (7, 11, 13) * 20]
    wishes = decided(60, enter=[0], stop=1.0, take=1e5)
    found = run(rows, wishes, told, terms=terms, fees=FeeSchedule(1_000, 1_000))
    # Parts of 7.00 to 13.00 cost fees of 0.01 to 0.02 each, where the whole costs 0.40.
    assert len(found.fills) > 30
    assert found.cash.min() >= 0
    assert life(found, 1)[-1] == ("expire", "no_liquidity")


def test_a_loss_that_an_entry_met_at_an_open_halts_the_day_though_the_price_came_back():
    told = replace(BARE, limits=replace(WIDE, max_daily_loss=10_000, position_ppm=250_000))
    fallen = listing_of([FLAT, FLAT, (5, 5, 5, 5), (5, 5, 5, 5), (5, 5, 5, 5)], symbol="A/USD")
    risen = [FLAT, FLAT, (10, 20, 10, 20), (20, 20, 20, 20), (20, 20, 20, 20)]
    slots = [Slot(number, decided(5, enter=[0], stop=9, take=50), 60) for number in (0, 1)]
    slots.append(Slot(1, decided(5, enter=[1, 2], stop=9), 60))
    found = simulate([fallen, listing_of(risen)], slots, told, is_compiled=False)
    # 25 of A are 125.00 down at the open of 5.00; at that bar's close 25 of B are 250.00 up.
    assert [trade.quantity for trade in found.trades] == [25, 25]
    assert found.equity[2] == 100_002 - 12_500 + 25_000
    assert found.denied == {"daily_loss_halt": 2}


def test_what_is_added_to_a_short_pays_interest_from_then_on():
    year = 365 * 86_400
    told = replace(
        BARE,
        direction="long_short",
        borrow_ppm=100_000,
        stops="account",
        limits=replace(WIDE, position_ppm=250_000, take_milli=1_900),
    )
    listing = listing_of([FLAT, FLAT, (5, 5, 5, 5), (5, 5, 5, 5)])
    gap = np.array([0, 60, 60 + year, 120 + year])
    listing = replace(listing, bars=replace(listing.bars, open_time=gap))
    decisions = decided(4, leave=[0, 1])
    found = simulate([listing], [Slot(0, decisions, 60)], told, is_compiled=False)
    # 25 at 10.00; at 5.00 a quarter of 1,125.00 less the 125.00 that are short are 31 more.
    assert found.fills[:, [3, 4]].tolist() == [[-1, 25], [-1, 31]]
    # 10 % of 125.00 for the year at the last price; three minutes, each rounded up.
    assert only(found).carry == 1_250 + 3
