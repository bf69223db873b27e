"""Fill rules by hand: where rivals are optimistic, the worse outcome is expected here."""

from dataclasses import replace

import numpy as np
import pytest

from tests.trading.backtest.small import BARE, TERMS, WIDE, decided, listing_of, run
from trading.backtest.codes import EVENTS, REASONS
from trading.backtest.engine import simulate
from trading.backtest.portfolio import Funding, Slot
from trading.backtest.results import Leave
from trading.execution.fees import FeeSchedule
from trading.execution.terms import Terms

FLAT = (10, 10, 10, 10)
ACCOUNT = replace(BARE, stops="account", limits=replace(WIDE, stop_ppm=200_000, take_milli=1_000))
"""Stop 20 % below the entry, target 20 % above it."""


def only(found):
    assert len(found.trades) == 1
    return found.trades[0]


def life(found, order):
    return [(str(EVENTS[row[2]]), str(REASONS[row[3]])) for row in found.orders if row[0] == order]


def test_a_decision_on_a_close_fills_at_the_next_open_not_at_that_close():
    trade = only(run([FLAT, (12, 12, 12, 12), FLAT], decided(3, enter=[0])))
    assert (trade.opened_at, trade.entry_price) == (60, 1200)
    assert (trade.decided_at, trade.reason) == (0, "bar 0")
    # 1,000.00 buy 83 at 12.00; at the close of 10.00 they have lost 166.00.
    assert (trade.quantity, trade.profit, trade.leave) == (83, -16_600, Leave.OPEN)


def test_a_decision_of_the_last_bar_has_no_bar_to_act_on():
    found = run([FLAT, FLAT], decided(2, enter=[1]))
    assert (len(found.trades), len(found.orders)) == (0, 0)


def test_a_gap_through_the_stop_sells_at_the_open():
    trade = only(run([FLAT, FLAT, (7, 9, 7, 9), FLAT], decided(4, enter=[0]), ACCOUNT))
    assert (trade.leave, trade.exit_price, trade.closed_at) == (Leave.STOP, 700, 179)
    assert trade.profit == 100 * (700 - 1_000)


def test_a_stop_that_is_just_touched_sells_at_the_stop():
    trade = only(run([FLAT, FLAT, (9, 9, 8, 9), FLAT], decided(4, enter=[0]), ACCOUNT))
    assert (trade.leave, trade.exit_price) == (Leave.STOP, 800)


def test_the_bar_of_the_entry_can_stop_it():
    trade = only(run([FLAT, (10, 11, 7, 11), (11, 11, 11, 11)], decided(3, enter=[0]), ACCOUNT))
    assert (trade.leave, trade.exit_price, trade.bars, trade.closed_at) == (Leave.STOP, 800, 1, 119)


def test_a_target_that_is_touched_but_not_crossed_does_not_fill():
    touched = run([FLAT, FLAT, (10, 12, 10, 11), (11, 11, 11, 11)], decided(4, enter=[0]), ACCOUNT)
    assert only(touched).leave is Leave.OPEN
    crossed = run([FLAT, FLAT, (10, 12.01, 10, 11), FLAT], decided(4, enter=[0]), ACCOUNT)
    trade = only(crossed)
    assert (trade.leave, trade.exit_price, trade.profit) == (Leave.TAKE, 1200, 100 * 200)


def test_a_target_that_the_open_jumps_over_sells_at_the_open_as_paper_does():
    trade = only(run([FLAT, FLAT, (13, 13, 7, 9), FLAT], decided(4, enter=[0]), ACCOUNT))
    assert (trade.leave, trade.exit_price, trade.is_ambiguous) == (Leave.TAKE, 1300, False)


def test_stop_and_target_in_one_bar_is_the_stop_and_the_range_is_told():
    trade = only(run([FLAT, FLAT, (10, 13, 7, 10), FLAT], decided(4, enter=[0]), ACCOUNT))
    assert (trade.leave, trade.exit_price) == (Leave.STOP, 800)
    assert (trade.profit, trade.other_profit) == (-20_000, 20_000)
    assert trade.is_ambiguous


def test_finer_bars_decide_what_a_coarse_bar_leaves_open():
    # The same two minutes as one bar (10, 13, 7, 10), and as minutes: the target came first.
    coarse = [FLAT, (10, 13, 7, 10), FLAT]
    fine = [FLAT, FLAT, (10, 13, 10, 12), (12, 12, 7, 10), FLAT, FLAT]
    decisions = decided(2, enter=[0], timeframe=120)
    listing = listing_of(coarse, timeframe=120)
    blurred = simulate([listing], [Slot(0, decisions, 120)], ACCOUNT, is_compiled=False).trades[0]
    sharp = simulate(
        [listing_of(fine)], [Slot(0, decisions, 120)], ACCOUNT, is_compiled=False
    ).trades[0]
    assert (blurred.leave, blurred.is_ambiguous) == (Leave.STOP, True)
    assert (sharp.leave, sharp.is_ambiguous, sharp.profit) == (Leave.TAKE, False, 20_000)


def test_an_exit_at_the_open_runs_before_the_stop_of_that_bar():
    trade = only(run([FLAT, FLAT, (9, 9, 7, 7), FLAT], decided(4, enter=[0], leave=[1]), ACCOUNT))
    assert (trade.leave, trade.exit_price, trade.bars) == (Leave.SIGNAL, 900, 1)


def test_half_the_spread_is_paid_on_both_sides_against_the_order():
    terms = replace(TERMS, tick=5)
    wide = replace(BARE, half_spread_ppm=1_000, market_band_ppm=5_000)
    found = run([FLAT, FLAT, FLAT], decided(3, enter=[0], leave=[1]), wide, terms=terms)
    trade = only(found)
    # 10.00 with 0.1 % is 10.01, up to the tick of 0.05; sold at 9.99, down to 9.95.
    assert (trade.entry_price, trade.exit_price) == (1_005, 995)
    assert found.equity[0] == 100_002


def test_an_order_as_large_as_the_bar_pays_the_whole_impact():
    # 50 of 100 are a share of one half; its square times 10 % is 2.5 %, and a millionth of room.
    terms = Terms(0, 2, 4)
    told = replace(BARE, impact_ppm=100_000, limits=replace(WIDE, max_position_notional=51_251))
    rows = [(10, 10, 10, 10, 100)] * 3
    found = run(rows, decided(3, enter=[0]), replace(told, market_band_ppm=50_000), terms=terms)
    trade = only(found)
    # Sized at 10.00 it would be 51, whose impact is 2.6 %: 51,251 buy 49 at 10.2601.
    assert trade.quantity == 49
    share = 490_001  # of a million, rounded up
    assert trade.entry_price == 100_000 + -(-100_000 * (100_000 * share**2) // 10**18) + 0


def test_the_rest_of_an_order_goes_on_with_the_next_bar():
    share = replace(BARE, volume_share_ppm=100_000, market_band_ppm=200_000)
    rows = [FLAT, (10, 10, 10, 10, 300), (10, 10, 10, 10, 0), (11, 11, 11, 11, 400), FLAT, FLAT]
    found = run(rows, decided(6, enter=[0]), share)
    # 1,000.00 with a band of 20 % is sized to 83: 30, nothing of an empty bar, 40, then 13.
    assert found.fills[:, 4].tolist() == [30, 40, 13]
    assert life(found, 1) == [
        ("approve", ""),
        ("accept", ""),
        ("fill_part", ""),
        ("fill_part", ""),
        ("fill", ""),
    ]
    trade = only(found)
    assert trade.quantity == 83
    assert trade.entry_price == round((30 * 1000 + 40 * 1100 + 13 * 1000) / 83)


def test_an_entry_whose_price_ran_away_is_given_up():
    share = replace(BARE, volume_share_ppm=100_000, market_band_ppm=50_000)
    rows = [FLAT, (10, 10, 10, 10, 300), (10.51, 11, 10, 10), FLAT, FLAT]
    found = run(rows, decided(5, enter=[0]), share)
    assert found.fills[:, 4].tolist() == [30]
    assert life(found, 1)[-1] == ("expire", "no_liquidity")


def test_a_stop_that_cannot_be_filled_whole_sells_the_rest_at_the_next_open():
    share = replace(ACCOUNT, volume_share_ppm=100_000)
    rows = [FLAT, FLAT, (10, 10, 7, 9, 600), (6, 6, 6, 6), FLAT]
    trade = only(run(rows, decided(5, enter=[0]), share))
    assert trade.leave is Leave.STOP
    assert trade.profit == 60 * (800 - 1000) + 40 * (600 - 1000)
    assert trade.exit_price == (60 * 800 + 40 * 600) // 100


def test_makers_and_takers_pay_their_own_fee_rounded_up():
    fees = FeeSchedule(maker_ppm=1_000, taker_ppm=2_000)
    rows = [FLAT, FLAT, (10, 13, 10, 12), FLAT]
    found = run(rows, decided(4, enter=[0]), ACCOUNT, fees=fees)
    # 99 fit with the taker's 0.2 %: 990.00 + 1.98; the target is a resting order: 0.1 % of 1,188.
    assert found.fills[:, [4, 7, 8]].tolist() == [[99, 198, 0], [99, 119, 1]]
    assert only(found).fees == 198 + 119
    stressed = run(rows, decided(4, enter=[0]), replace(ACCOUNT, fee_milli=2_000), fees=fees)
    assert stressed.fills[:, 7].tolist() == [396, 238]


def test_a_trailing_stop_follows_the_high_of_the_bar_before():
    trailing = replace(BARE, trailing_ppm=100_000)
    rows = [FLAT, (10, 10, 10, 10), (10, 14, 10, 14), (14, 14, 12.6, 13), FLAT]
    trade = only(run(rows, decided(5, enter=[0]), trailing))
    # 10 % below 14.00; the bar that made the high was itself held against 9.00 only.
    assert (trade.leave, trade.exit_price, trade.closed_at) == (Leave.TRAILING, 1_260, 239)


LIMIT = replace(BARE, entry="limit", entry_offset_ppm=100_000, entry_bars=2)


def test_a_limit_that_is_touched_rests_and_one_that_is_crossed_fills_at_its_price():
    touched = run([FLAT, (10, 10, 9, 10), FLAT, FLAT, FLAT], decided(5, enter=[0], price=10), LIMIT)
    assert len(touched.fills) == 0
    assert life(touched, 1) == [("approve", ""), ("accept", ""), ("expire", "time_over")]
    rows = [FLAT, FLAT, (10, 10, 8.99, 10), FLAT]
    crossed = run(rows, decided(4, enter=[0], price=10), LIMIT)
    assert crossed.fills[0, [2, 5, 8]].tolist() == [179, 900, 1]


def test_a_resting_limit_gets_no_better_price_from_a_gap():
    rows = [FLAT, FLAT, (8, 8, 8, 8), FLAT]
    assert run(rows, decided(4, enter=[0], price=10), LIMIT).fills[0, 5] == 900


def test_a_limit_that_would_trade_at_once_does_or_is_refused_when_it_is_post_only():
    rows = [FLAT, (8, 8, 8, 8), FLAT]
    met = run(rows, decided(3, enter=[0], price=10), LIMIT)
    assert met.fills[0, [2, 5, 8]].tolist() == [60, 800, 0]
    refused = run(rows, decided(3, enter=[0], price=10), replace(LIMIT, is_post_only=True))
    assert life(refused, 1) == [("approve", ""), ("reject", "post_only")]
    assert len(refused.fills) == 0


def test_the_high_of_the_bar_in_which_a_limit_filled_is_no_target():
    take = replace(LIMIT, limits=replace(WIDE, stop_ppm=500_000, take_milli=100))
    rows = [FLAT, (10, 12, 8.5, 9), (9, 9, 9, 9), (9, 9, 9, 9)]
    trade = only(run(rows, decided(4, enter=[0], price=10), take))
    assert (trade.leave, trade.best) == (Leave.OPEN, 0)


def test_a_stop_entry_buys_at_the_worse_of_its_trigger_and_the_open():
    entry = replace(BARE, entry="stop", entry_offset_ppm=100_000, market_band_ppm=300_000)
    rows = [FLAT, (10, 11, 10, 11), FLAT]
    assert run(rows, decided(3, enter=[0], price=10), entry).fills[0, [2, 5]].tolist() == [
        119,
        1100,
    ]
    rows = [FLAT, (12, 12, 12, 12), FLAT]
    assert run(rows, decided(3, enter=[0], price=10), entry).fills[0, 5] == 1_200


def test_a_stop_limit_rests_when_the_price_jumped_over_its_limit():
    entry = replace(
        BARE, entry="stop_limit", entry_offset_ppm=100_000, limit_offset_ppm=50_000, entry_bars=3
    )
    rows = [FLAT, (12, 12, 11, 12), (12, 12, 11.54, 12), FLAT]
    found = run(rows, decided(4, enter=[0], price=10), entry)
    # Triggered at 11.00, limit 11.55: the first bar's low may have come before its open's jump.
    assert found.fills[0, [2, 5, 8]].tolist() == [179, 1_155, 1]


def test_a_decision_late_by_so_many_bars_trades_then():
    rows = [(10 + i, 10 + i, 10 + i, 10 + i) for i in range(5)]
    assert only(run(rows, decided(5, enter=[0]), replace(BARE, delay_bars=2))).opened_at == 180


def test_a_decision_is_stale_when_no_bar_comes_but_not_over_a_closed_market():
    gap = np.array([0, 60, 7_200, 7_260])
    decisions = decided(2, enter=[1])
    for is_open, denied in ((True, {"stale_signal": 1}), (False, {})):
        listing = listing_of([FLAT] * 4, is_always_open=is_open)
        listing = replace(listing, bars=replace(listing.bars, open_time=gap))
        patient = replace(BARE, patience_s=900)
        found = simulate([listing], [Slot(0, decisions, 60)], patient, is_compiled=False)
        assert (found.denied, len(found.trades)) == (denied, 0 if denied else 1)


def test_the_days_loss_halts_entries_until_the_next_utc_day():
    limits = replace(WIDE, max_daily_loss=10_000)
    rows = [FLAT, (10, 10, 8, 8), (8, 8, 8, 8), (8, 8, 8, 8), FLAT, FLAT]
    hours = 6 * 3_600
    decisions = decided(6, enter=[0, 2, 4], leave=[1], stop=7.5, timeframe=hours)
    bounded = replace(BARE, limits=limits)
    listing = listing_of(rows, timeframe=hours)
    found = simulate([listing], [Slot(0, decisions, hours)], bounded, is_compiled=False)
    # The risk of 2.50 each lets 40 be bought; 80.00 are lost at 8.00, and 20.00 are left.
    assert found.trades[0].quantity == 40
    assert found.trades[0].profit == -8_000
    limits = replace(limits, max_daily_loss=8_000)
    loose = decided(6, enter=[0, 2, 4], leave=[1], stop=8.4, timeframe=hours)
    rows[1] = (10, 10, 8, 8)
    found = simulate(
        [listing_of(rows, timeframe=hours)],
        [Slot(0, loose, hours)],
        replace(bounded, limits=limits),
        is_compiled=False,
    )
    # 50 at a risk of 1.60 are stopped at 8.40: the whole budget of the day is gone.
    assert found.trades[0].profit == -8_000
    assert found.denied == {"daily_loss_halt": 1}
    assert [trade.opened_at for trade in found.trades] == [hours, 5 * hours]


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"position_ppm": 9_000}, "risk_position_notional"),
        ({"exposure_ppm": 9_000}, "risk_exposure"),
        ({"max_daily_loss": 499}, "risk_daily_loss_budget"),
        ({"max_open_positions": 0}, "risk_open_positions"),
    ],
)
def test_what_the_risk_engine_refuses_is_counted_by_its_reason(limits, reason):
    told = replace(BARE, limits=replace(WIDE, **limits))
    found = run([FLAT] * 3, decided(3, enter=[0], stop=5), told)
    assert (found.denied, len(found.fills)) == ({reason: 1}, 0)
    assert life(found, 1) == [("deny", reason)]


def test_too_little_cash_and_a_stop_on_the_wrong_side_are_refused():
    lent = replace(
        BARE, cash=1_001, limits=replace(WIDE, position_ppm=2 * 10**6, exposure_ppm=2 * 10**6)
    )
    assert run([FLAT] * 3, decided(3, enter=[0]), lent).denied == {"risk_balance": 1}
    assert run([FLAT] * 3, decided(3, enter=[0], stop=11)).denied == {"stop_wrong_side": 1}
    assert run([FLAT] * 3, decided(3, enter=[0], stop=5, take=9)).denied == {"take_wrong_side": 1}


def test_instruments_compete_for_the_positions_that_may_be_open():
    limits = replace(WIDE, max_open_positions=2, position_ppm=100_000)
    listings = [listing_of([FLAT] * 4, symbol=name) for name in ("A/USD", "B/USD", "C/USD")]
    slots = [Slot(number, decided(4, enter=[0]), 60) for number in (2, 0, 1)]
    found = simulate(listings, slots, replace(BARE, limits=limits), is_compiled=False)
    # In the order of the instruments, whatever the order of the strategies.
    assert sorted(trade.slot for trade in found.trades) == [1, 2]
    assert found.denied == {"risk_open_positions": 1}


def test_an_entry_while_a_position_is_held_adds_up_to_the_cap_with_the_newest_stop():
    limits = replace(WIDE, position_ppm=500_000)
    rows = [FLAT, FLAT, (5, 5, 5, 5), (5, 5, 3, 3), FLAT]
    decisions = decided(5, enter=[0, 1])
    stops = np.array([2.0, 4.0, np.nan, np.nan, np.nan])
    found = run(rows, replace(decisions, stop=stops), replace(BARE, limits=limits))
    # 50 at 10.00; worth 250.00 then, of 750.00 at most 375.00: 25 more at 5.00.
    trade = only(found)
    assert (trade.quantity, trade.exit_price, trade.leave) == (75, 400, Leave.STOP)
    assert trade.profit == 75 * 400 - 50 * 1_000 - 25 * 500


def test_an_exit_signal_reverses_into_a_short_with_the_accounts_stop():
    both = replace(ACCOUNT, direction="long_short")
    rows = [FLAT, FLAT, (11, 11, 11, 11), (11, 14, 11, 13), FLAT]
    found = run(rows, decided(5, enter=[0], leave=[1]), both)
    long, short = found.trades
    assert (long.side, long.leave, long.profit) == (1, Leave.REVERSED, 10_000)
    # 1,100.00 sell 100 at 11.00; the stop lies 20 % above, at 13.20.
    assert (short.side, short.quantity, short.exit_price) == (-1, 100, 1_320)
    assert (short.leave, short.profit) == (Leave.STOP, -22_000)


def test_a_short_pays_interest_for_every_second_on_what_it_borrows():
    year = 365 * 86_400
    both = replace(ACCOUNT, direction="long_short", borrow_ppm=100_000)
    listing = listing_of([FLAT] * 3, timeframe=year)
    decisions = decided(3, leave=[0], timeframe=year)
    trade = only(simulate([listing], [Slot(0, decisions, year)], both, is_compiled=False))
    # 10 % of 1,000.00 in each of two years.
    assert (trade.side, trade.carry, trade.profit) == (-1, 20_000, -20_000)


def test_funding_is_paid_by_longs_and_received_by_shorts():
    funding = Funding(np.array([60, 150, 180]), np.array([0.5, 0.01, -0.02]))
    found = run([FLAT] * 4, decided(4, enter=[0]), ACCOUNT, funding=funding)
    # Who opens at the moment of a payment does not pay it: 1 % and -2 % of 1,000.00 are left.
    assert only(found).carry == 1_000 - 2_000
    both = replace(ACCOUNT, direction="long_short")
    assert only(run([FLAT] * 4, decided(4, leave=[0]), both, funding=funding)).carry == 1_000
    assert (
        only(
            run(
                [FLAT] * 4,
                decided(4, enter=[0]),
                replace(ACCOUNT, has_funding=False),
                funding=funding,
            )
        ).carry
        == 0
    )


def test_excursions_are_the_worst_and_best_profit_while_it_was_open():
    rows = [FLAT, (10, 11, 9, 10), (10, 11.5, 9.5, 10), (10, 10, 10, 10), FLAT]
    trade = only(run(rows, decided(5, enter=[0], leave=[2])))
    assert (trade.worst, trade.best, trade.bars) == (-10_000, 15_000, 2)


def test_stop_and_target_cancel_each_other():
    found = run([FLAT, FLAT, (10, 13, 10, 12), FLAT], decided(4, enter=[0]), ACCOUNT)
    assert life(found, 2)[-1] == ("cancel", "other_filled")
    assert life(found, 3)[-1] == ("fill", "")
