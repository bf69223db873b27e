"""Cases in which a simulation could be kinder than a market, or lose or make money of nothing."""

from dataclasses import replace

from tests.trading.backtest.small import BARE, decided, run
from tests.trading.backtest.test_fill_rules import ACCOUNT, FLAT, life, only
from trading.backtest.results import Leave
from trading.execution.fees import FeeSchedule


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
