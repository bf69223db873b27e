"""The voters' side of the ledger: a strategy's signal is a forecast too, and is scored like one."""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import Q

from markets.selectors import bars_load, calendar_of
from mystic.lib.provenance import REPLAY_PREFIX
from signals.agents.vote import NO_RECORD, Record
from signals.forecasting.due import due_at
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
    said = [one for one in signals if one.strategy.owner_id is None and not one.late_reason]
    made = [forecast for one in said if (forecast := _forecast(one)) is not None]
    Forecast.objects.bulk_create(made, ignore_conflicts=True)


def _forecast(signal: Signal) -> Forecast | None:
    """Return what a signal says; None where nobody knows when its market opens."""
    step = signal.strategy.timeframe
    bar_open = signal.bar_close - step
    due = due_at(bar_open, step, HORIZON, calendar_of(signal.instrument.session_calendar))
    if due is None:
        return None
    return Forecast(
        strategy=signal.strategy,
        instrument=signal.instrument,
        timeframe=step,
        horizon=HORIZON,
        bar_open=bar_open,
        due_at=due,
        price=signal.price,
        direction=DIRECTIONS[str(signal.side)],
        source=signal.source,
        is_live=signal.is_live,
        made_at=signal.created_at,
    )


@dataclass(frozen=True, slots=True)
class _Kept:
    records: dict[tuple[VoterKey, int], Record]
    made_at_s: float


class Records:
    """The voters' records of this process, read anew every five minutes."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, bool], _Kept] = {}

    def forget(self) -> None:
        self._kept.clear()

    def of(self, timeframe: int, voter: VoterKey, direction: int, source: str) -> Record:
        """Return a voter's record of one direction on a timeframe.

        Of a replay only what was said in replays counts, of a live market only what was said live:
        a replay of days gone by may be told by somebody who knew them.
        """
        key = (timeframe, source.startswith(REPLAY_PREFIX))
        kept = self._kept.get(key)
        if kept is None or time.monotonic() - kept.made_at_s > REFRESH_S:
            kept = self._kept[key] = _Kept(_read(*key), time.monotonic())
        return kept.records.get((voter, direction), NO_RECORD)


records = Records()


def _read(timeframe: int, is_replay: bool) -> dict[tuple[VoterKey, int], Record]:  # noqa: FBT001
    replayed = Q(forecast__source__startswith=REPLAY_PREFIX)
    scores = ForecastScore.objects.filter(
        replayed if is_replay else ~replayed, forecast__timeframe=timeframe
    )
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

    Forecasts whose horizons overlap tell the same story and count as one, on several instruments
    too, for these move together: the share of hits in each stretch of a horizon is what it adds.
    """
    stretches: dict[int, dict[int, list[bool]]] = defaultdict(lambda: defaultdict(list))
    rates: dict[int, list[float]] = defaultdict(list)
    for direction, instrument_id, bar_open, horizon, is_hit in rows:
        stretches[direction][bar_open // (horizon * timeframe)].append(is_hit)
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
        self._ups: dict[tuple[int, int], float | None] = {}

    def of(self, instrument_id: int, horizon: int, direction: int) -> float:
        """Return the share of the newest 2,000 bars; one half where there are none."""
        key = (instrument_id, horizon)
        if key not in self._ups:
            self._ups[key] = self._share_up(*key)
        share_up = self._ups[key]
        if share_up is None:
            return 0.5
        return share_up if direction == UP else 1.0 - share_up

    def _share_up(self, instrument_id: int, horizon: int) -> float | None:
        if instrument_id not in self._closes:
            bars = bars_load(instrument_id, self._timeframe, limit=BASE_BARS)
            self._closes[instrument_id] = bars.close
        close = self._closes[instrument_id]
        if len(close) <= horizon:
            return None
        return float((close[horizon:] > close[:-horizon]).mean())
