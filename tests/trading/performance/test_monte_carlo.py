"""Reshuffled and redrawn trades and days."""

import itertools

import numpy as np
import pytest

from tests.trading.performance.series import EXPECTED, strategy_returns
from trading.performance.monte_carlo import (
    PERCENTILES,
    redrawn,
    redrawn_blocks,
    shuffled,
    trade_steps,
)
from trading.performance.resampling import Blocks, block_indices, block_length, block_sums
from trading.performance.types import FigureError, TradeFigures


def deepest(steps):
    equity = np.concatenate(([1.0], np.cumprod(1.0 + np.array(steps))))
    return (equity / np.maximum.accumulate(equity) - 1).min()


def test_trades_as_steps_give_their_profits_again():
    trades = TradeFigures.of(
        profit=[100.0, -55.0, 30.0],
        cost=[500.0] * 3,
        bars=[1] * 3,
        opened_at=[1, 2, 3],
        closed_at=[5, 9, None],
    )
    assert trade_steps(trades, 1_000.0).tolist() == [0.1, -0.05]
    with pytest.raises(FigureError, match="lost all"):
        trade_steps(
            TradeFigures.of(
                profit=[-10.0, 5.0],
                cost=[1.0, 1.0],
                bars=[1, 1],
                opened_at=[0, 1],
                closed_at=[1, 2],
            ),
            10.0,
        )
    assert trade_steps(TradeFigures.none(), 10.0).tolist() == []


def test_another_order_ends_at_the_same_equity():
    steps = strategy_returns()
    found = shuffled(steps, cash=10_000.0, seed=7, samples=500)
    end = 10_000.0 * (1 + EXPECTED["return"])
    assert [found.final_equity[one] for one in PERCENTILES] == pytest.approx([end] * 5)
    assert found.happened_equity == pytest.approx(end)
    assert found.happened_drawdown == pytest.approx(EXPECTED["max_drawdown"], rel=1e-9)
    assert found.loss == 0.0
    assert found.max_drawdown[5] < found.max_drawdown[95] < 0


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (3, 1, 0, 2, 4), (0, 3, 4, 2, 1)])
def test_orders_have_the_drawdowns_of_all_permutations(order):
    steps = np.array([0.2, -0.1, 0.05, -0.3, 0.1])[list(order)]
    every = np.array([deepest(one) for one in itertools.permutations(steps)])
    share = (every <= deepest(steps) + 1e-12).mean()
    found = shuffled(steps, cash=1.0, seed=3, samples=20_000)
    assert found.drawdown_worse == pytest.approx(share, abs=0.012)
    assert found.max_drawdown[5] == pytest.approx(every.min())
    assert found.max_drawdown[95] == pytest.approx(every.max())


def test_ruin_has_the_probability_of_the_coin():
    # Each of two throws doubles or takes 60 %: half is reached when the first one is lost
    # (1/2), never otherwise (0.8 after a win and a loss).
    found = redrawn(np.array([1.0, -0.6]), cash=100.0, seed=5, samples=40_000)
    assert found.ruin == pytest.approx(0.5, abs=0.01)
    assert found.loss == pytest.approx(0.75, abs=0.01)
    assert found.final_equity[95] == pytest.approx(400.0)
    assert found.final_equity[5] == pytest.approx(16.0)


def test_the_same_seed_gives_the_same_figures():
    steps = strategy_returns()
    one, again = (redrawn(steps, cash=1.0, seed=11, samples=200) for _ in range(2))
    other = redrawn(steps, cash=1.0, seed=12, samples=200)
    assert one.final_equity == again.final_equity
    assert np.array_equal(one.fan.bands, again.fan.bands)
    assert one.final_equity != other.final_equity


def test_the_fan_begins_at_the_cash_and_ends_at_the_outcome():
    found = redrawn_blocks(strategy_returns(), cash=500.0, seed=1, samples=300)
    assert found.fan.bands.shape == (5, 101)
    assert found.fan.bands[:, 0].tolist() == [500.0] * 5
    assert found.fan.bands[:, -1].tolist() == [found.final_equity[one] for one in PERCENTILES]
    assert (np.diff(found.fan.bands, axis=0) >= 0).all()
    assert (found.fan.at[0], found.fan.at[-1]) == (0.0, 1.0)


def test_the_mean_of_redrawn_days_scatters_as_the_theory_says():
    # Independent days: the variance of the log of the end is count times that of a day.
    returns = strategy_returns()
    spread = np.log1p(returns).std() * np.sqrt(len(returns))
    found = redrawn(returns, cash=1.0, seed=2, samples=20_000)
    expected = np.log(1 + EXPECTED["return"]) + 1.6449 * spread * np.array([-1.0, 1.0])
    assert np.log([found.final_equity[5], found.final_equity[95]]) == pytest.approx(
        expected, abs=0.02
    )


def test_what_cannot_be_redrawn_is_refused():
    with pytest.raises(FigureError, match="0 steps"):
        redrawn(np.empty(0), cash=1.0, seed=1)
    with pytest.raises(FigureError, match="lost everything"):
        shuffled(np.array([0.1, -1.0]), cash=1.0, seed=1)


def test_circular_blocks_hold_their_neighbours():
    rng = np.random.default_rng(1)
    places = block_indices(10, samples=200, block=4, kind=Blocks.CIRCULAR, rng=rng)
    steps = (np.diff(places, axis=1) - 1) % 10
    assert (steps[:, [0, 1, 2, 4, 5, 6, 8]] == 0).all()  # inside 0-3, 4-7, 8-9
    assert (steps[:, [3, 7]] != 0).mean() == pytest.approx(0.9, abs=0.05)


def test_stationary_blocks_have_their_mean_length():
    rng = np.random.default_rng(1)
    places = block_indices(1_000, samples=200, block=5.0, kind=Blocks.STATIONARY, rng=rng)
    jumps = (np.diff(places, axis=1) - 1) % 1_000 != 0
    assert jumps.mean() == pytest.approx(1 / 5, abs=0.005)
    counts = np.bincount(places.ravel(), minlength=1_000)
    assert counts.mean() == 200.0
    assert counts.min() > 100  # circular: no place is rarer than another, the last neither


@pytest.mark.parametrize("block", [1.0, 8.0])
@pytest.mark.parametrize("period", [8, 50])
def test_sums_of_blocks_scatter_as_those_of_laid_out_samples(block, period):
    # Blocks of one length would add up to nothing where it is the wave's.
    values = 0.01 + np.sin(2 * np.pi * np.arange(400) / period)
    rng = np.random.default_rng(1)
    places = block_indices(400, samples=4_000, block=block, kind=Blocks.STATIONARY, rng=rng)
    laid_out = values[places].sum(axis=1)
    sums = block_sums(values, samples=4_000, block=block, rng=np.random.default_rng(2))
    assert sums.mean() == pytest.approx(laid_out.mean(), abs=4 * laid_out.std() / 4_000**0.5)
    assert sums.std() == pytest.approx(laid_out.std(), rel=0.06)


def test_the_length_of_blocks_is_that_of_arch():
    # arch 8.0.0, bootstrap.optimal_block_length.
    values = np.zeros(500)
    for k in range(1, 500):
        values[k] = 0.6 * values[k - 1] + np.sin(k * k * 0.61)
    assert block_length(values) == pytest.approx(10.293808, abs=1e-6)
    assert block_length(values, Blocks.CIRCULAR) == pytest.approx(11.783468, abs=1e-6)
    i = np.arange(1, 301)
    assert block_length(np.sin(i * i * 0.37)) == pytest.approx(1.673399, abs=1e-6)
    assert block_length(np.zeros(50)) == 1.0
    assert block_length(np.arange(5.0)) == 1.0
