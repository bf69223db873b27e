"""What strategies say, held against the bars by other means than the engine's."""

import numpy as np
import pytest

from signals.columns import ArraySeries, Coverage, Points, Verdict, evaluate
from signals.forecasting.shelf import shelf
from signals.strategies.fee_aware import FeeAware
from signals.strategies.momentum_rotation import MomentumRotation
from signals.strategies.pairs_arbitrage import PairsArbitrage
from signals.strategies.volume_breakout import VolumeBreakout
from tests.signals.app.conftest import START
from tests.signals.forecasting.shelved import bars as wavy
from tests.signals.forecasting.shelved import shelved
from tests.signals.strategies.world import BTC, DAY, ETH, HOUR, MINUTE, world


def decided(strategy, symbol, days):
    provider, begin = world()
    found = evaluate(
        strategy, provider, instrument=symbol, from_open=begin, through_open=begin + days * DAY
    )
    return provider, [one for one in found if one.verdict is not Verdict.WARMING_UP]


def test_a_breakout_is_a_close_over_every_high_of_the_channel_on_multiple_volume():
    strategy = VolumeBreakout()
    provider, found = decided(strategy, BTC, 30)
    bars = provider.bars(BTC, 300, 0, found[-1].bar_open)
    place = {bar_open: n for n, bar_open in enumerate(bars.open_time.tolist())}
    entries = [one for one in found if one.verdict is Verdict.ENTER_LONG]
    assert len(entries) > 20
    for one in entries:
        n = place[one.bar_open]
        before = slice(n - 48, n)
        assert one.price > bars.high[before].max()
        usual, spread = bars.volume[before].mean(), bars.volume[before].std()
        assert one.values["multiple"] == pytest.approx(bars.volume[n] / usual)
        assert one.values["surge"] == pytest.approx((bars.volume[n] - usual) / spread)
        assert bars.volume[n] >= 2 * usual
        assert one.stop == pytest.approx(one.price - 2 * one.values["atr"])


def test_the_gap_of_a_pair_is_the_residual_of_a_least_squares_line():
    strategy = PairsArbitrage(partner=BTC)
    provider, found = decided(strategy, ETH, 12)
    own = provider.bars(ETH, 300, 0, found[-1].bar_open)
    other = provider.bars(BTC, 300, 0, found[-1].bar_open)
    # The newest bar of the partner that had closed, as it stood there.
    seen = np.searchsorted(other.open_time, own.open_time, side="right") - 1
    rows = {bar_open: n for n, bar_open in enumerate(own.open_time.tolist())}
    checked = 0
    for one in found[::37]:
        n = rows[one.bar_open]
        x = np.log(other.close[seen[n - 287 : n + 1]])
        y = np.log(own.close[n - 287 : n + 1])
        slope, offset = np.polyfit(x, y, 1)
        residuals = y - (slope * x + offset)
        assert one.values["beta"] == pytest.approx(slope, rel=1e-6)
        assert one.values["gap"] == pytest.approx(residuals[-1], abs=1e-9)
        assert one.values["width"] == pytest.approx(residuals.std(), rel=1e-6)
        checked += 1
    assert checked > 40


def test_the_rank_counts_who_is_stronger():
    strategy = MomentumRotation(universe=f"{BTC},{ETH}", top=1)
    provider, found = decided(strategy, ETH, 60)
    strength = {}
    for symbol in (BTC, ETH):
        bars = provider.bars(symbol, HOUR, 0, found[-1].bar_open)
        change = np.concatenate(([np.nan], bars.close[1:] / bars.close[:-1] - 1))
        for n in range(49, len(change)):
            total = bars.close[n] / bars.close[n - 48] - 1
            strength[symbol, int(bars.open_time[n])] = total / change[n - 47 : n + 1].std()
    checked = 0
    for one in found:
        own, other = strength[ETH, one.bar_open], strength[BTC, one.bar_open]
        if abs(own - other) > 1e-6:
            assert one.values["rank"] == (1 if other > own else 0)
            assert one.values["strength"] == pytest.approx(own, rel=1e-6)
            checked += 1
        if one.verdict is Verdict.ENTER_LONG:
            assert own > max(other, 1)
    assert checked > 500


class TestFeeAware:
    def test_it_acts_only_where_the_move_pays_the_costs(self):
        _, found = decided(FeeAware(fee=5.0, slippage=1.0, factor=2.0), BTC, 40)
        entries = [one for one in found if one.verdict is Verdict.ENTER_LONG]
        assert len(entries) > 20
        for one in entries:
            costs = 2 * (5.0 + 1.0) + one.values["spread_bps"]
            assert one.values["costs_bps"] == pytest.approx(costs)
            assert one.values["expected_bps"] >= 2 * costs
            expected = 0.6 * (one.values["average"] / one.price - 1)
            assert one.take == pytest.approx(one.price * (1 + expected))

    def test_dearer_trading_only_takes_entries_away(self):
        cheap, dear = (
            {
                one.bar_open
                for one in decided(FeeAware(fee=fee), BTC, 40)[1]
                if one.verdict is Verdict.ENTER_LONG
            }
            for fee in (5.0, 20.0)
        )
        assert dear < cheap

    def test_a_model_that_is_named_says_what_to_expect(self, monkeypatch):
        monkeypatch.setattr(shelf, "refresh", None)
        shelf.put(shelved("priced", through=START))

        class Modelled(FeeAware):
            model = "priced"

        minutes = wavy(1800)
        key = ("BTC", MINUTE)
        spread = Points(minutes.open_time + MINUTE, np.full(1800, 1e-4))
        provider = ArraySeries(
            {key: minutes},
            {key: Coverage(START - 20 * DAY, START + 1799 * MINUTE)},
            {("book.spread", "BTC"): spread},
        )
        span = {"from_open": START + 1500 * MINUTE, "through_open": START + 1799 * MINUTE}
        strategy = Modelled(timeframe="1m", fee=0.0, slippage=0.0, factor=1.0)
        found = evaluate(strategy, provider, instrument="BTC", **span)
        said = np.array([one.values["expected_bps"] for one in found])
        plain = evaluate(FeeAware(timeframe="1m"), provider, instrument="BTC", **span)
        assert len(said) == 300
        assert said.std() > 0
        assert not np.allclose(said, [one.values["expected_bps"] for one in plain])
        assert Modelled().version != FeeAware().version
