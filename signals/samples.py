"""What models learn from: tables of columns, and what became of each bar."""

from collections.abc import Mapping, Sequence

import numpy as np

from signals.columns.expressions import parse
from signals.columns.series import FOREVER, InstrumentKey, SeriesProvider
from signals.columns.table import Describe, TablePlan, table, table_plan
from signals.forecasting.labels import labels
from signals.forecasting.training import Sample

PRICE = "price now"


def described(texts: Mapping[str, str]) -> dict[str, Describe]:
    """Return the functions of `x` that these expressions are.

    Raises
    ------
    ColumnError
        Where one cannot be read.
    """
    return {name: _describe(text) for name, text in texts.items()}


def _describe(text: str) -> Describe:
    read = parse(text)
    return lambda x: read.column(x, {})


def feature_plan(texts: Mapping[str, str], timeframe: int) -> TablePlan:
    """Return the plan of the features and, last, the close.

    Raises
    ------
    ColumnError
        Where a feature cannot be, or looks ahead.
    """
    return table_plan({**described(texts), PRICE: lambda x: x.close}, timeframe)


def sample_of(
    plan: TablePlan,
    provider: SeriesProvider,
    instruments: Sequence[InstrumentKey],
    *,
    horizon: int,
    is_always_open: bool,
    from_open: int = 0,
    through_open: int = FOREVER,
) -> Sample:
    """Return every bar of these instruments whose features and outcome are known.

    Parameters
    ----------
    horizon : int
        Bars ahead.
    is_always_open : bool
        Whether the bars ahead are counted by the clock or one by one; see `labels`.
    """
    parts = []
    for instrument in instruments:
        found = table(
            plan,
            provider,
            instrument=instrument,
            timeframe=plan.timeframe,
            from_open=from_open,
            through_open=through_open,
        )
        told = labels(
            found.open_time,
            found.column(PRICE),
            timeframe=plan.timeframe,
            horizon=horizon,
            is_always_open=is_always_open,
        )
        rows = found.without(PRICE)
        kept = told.known & ~np.isnan(rows).all(axis=1)
        parts.append(
            (
                rows[kept],
                told.value[kept],
                told.is_up[kept],
                found.open_time[kept] + plan.timeframe,
                told.known_at[kept],
            )
        )
    names = tuple(name for name, _ in plan.named if name != PRICE)
    return Sample(names, *(np.concatenate(one) for one in zip(*parts, strict=True))).ordered()
