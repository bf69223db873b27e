"""The voters' side of the ledger: a strategy's signal is a forecast too, and is scored like one."""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from markets.selectors import bars_load
from signals.agents.vote import NO_RECORD, Record
from signals.models import Forecast, ForecastScore, Signal

HORIZON = 12
"""Bars after which a strategy's signal is held against the price."""
NEWEST = 5000
"""Scores of one voter that its record is made of."""
BASE_BARS = 2000
REFRESH_S = 300.0
UP, DOWN = 1, -1
DIRECTIONS = {Signal.Side.BUY.value: UP, Signal.Side.SELL.value: DOWN}

VoterKey = tuple[str, int]
"""`("strategy", id)` or `("model", id)`."""


def signals_forecast(signals: Sequence[Signal]) -> None:
    """Write the forecast that each signal of a shared strategy is: up for BUY, down for SELL.

    A late signal is none: its outcome may be known already. Called in the transaction that writes
    the signals.
    """
    Forecast.objects.bulk_create(
        [
            Forecast(
                strategy=signal.strategy,
                instrument=signal.instrument,
                timeframe=signal.strategy.timeframe,
                horizon=HORIZON,
                bar_open=signal.bar_close - signal.strategy.timeframe,
                due_at=signal.bar_close + HORIZON * signal.strategy.timeframe,
                price=signal.price,
                direction=DIRECTIONS[str(signal.side)],
                source=signal.source,
                is_live=signal.is_live,
                made_at=signal.created_at,
            )
            for signal in signals
            if signal.strategy.owner_id is None and not signal.late_reason
        ],
        ignore_conflicts=True,
    )


@dataclass(frozen=True, slots=True)
class _Kept:
    records: dict[tuple[VoterKey, int], Record]
    made_at_s: float


class Records:
    """The voters' records of this process, read anew every five minutes."""

    def __init__(self) -> None:
        self._kept: dict[int, _Kept] = {}

    def forget(self) -> None:
        self._kept.clear()

    def of(self, timeframe: int, voter: VoterKey, direction: int) -> Record:
        """Return a voter's record of one direction on a timeframe."""
        kept = self._kept.get(timeframe)
        if kept is None or time.monotonic() - kept.made_at_s > REFRESH_S:
            kept = self._kept[timeframe] = _Kept(_read(timeframe), time.monotonic())
        return kept.records.get((voter, direction), NO_RECORD)


records = Records()


def _read(timeframe: int) -> dict[tuple[VoterKey, int], Record]:
    scores = ForecastScore.objects.filter(forecast__timeframe=timeframe)
    voters = set(scores.values_list("forecast__strategy", "forecast__model").distinct())
    base = BaseRates(timeframe)
    found = {}
    for strategy_id, model_id in voters:
        voter = ("strategy", strategy_id) if strategy_id else ("model", model_id)
        mine = scores.filter(forecast__strategy=strategy_id, forecast__model=model_id)
        rows = mine.order_by("-pk").values_list(
            "forecast__direction",
            "forecast__instrument",
            "forecast__bar_open",
            "forecast__horizon",
            "is_hit",
        )[:NEWEST]
        for direction, record in _records(rows, timeframe, base).items():
            found[voter, direction] = record
    return found


def _records(
    rows: Iterable[tuple[int, int, int, int, bool]], timeframe: int, base: "BaseRates"
) -> dict[int, Record]:
    """Return a voter's record by direction.

    Forecasts whose horizons overlap on one instrument tell the same story and count as one: the
    share of hits in each stretch of a horizon is what that stretch adds.
    """
    stretches: dict[int, dict[tuple[int, int], list[bool]]] = defaultdict(lambda: defaultdict(list))
    rates: dict[int, list[float]] = defaultdict(list)
    for direction, instrument_id, bar_open, horizon, is_hit in rows:
        place = (instrument_id, bar_open // (horizon * timeframe))
        stretches[direction][place].append(is_hit)
        rates[direction].append(base.of(instrument_id, horizon, direction))
    return {
        direction: Record(
            hits=sum(sum(hits) / len(hits) for hits in places.values()),
            count=len(places),
            base_rate=sum(rates[direction]) / len(rates[direction]),
        )
        for direction, places in stretches.items()
    }


class BaseRates:
    """How often the price of an instrument went one way over a horizon, whoever forecast it."""

    def __init__(self, timeframe: int) -> None:
        self._timeframe = timeframe
        self._closes: dict[int, np.ndarray[tuple[int], np.dtype[np.float64]]] = {}

    def of(self, instrument_id: int, horizon: int, direction: int) -> float:
        """Return the share of the newest 2,000 bars; one half where there are none."""
        if instrument_id not in self._closes:
            bars = bars_load(instrument_id, self._timeframe, limit=BASE_BARS)
            self._closes[instrument_id] = bars.close
        close = self._closes[instrument_id]
        if len(close) <= horizon:
            return 0.5
        share_up = float((close[horizon:] > close[:-horizon]).mean())
        return share_up if direction == UP else 1.0 - share_up
