"""The strategies there are."""

from collections.abc import Mapping

from markets.types import TIMEFRAME_SECONDS
from signals.columns.compiled import compile_strategy
from signals.columns.errors import ColumnError
from signals.strategies.base import Strategy
from signals.strategies.smc_confluence import SmcConfluence
from signals.strategies.trend_pullback import TrendPullback

CLASSES: Mapping[str, type[Strategy]] = {
    one.__name__: one for one in (SmcConfluence, TrendPullback)
}


def build(
    class_name: str, params: Mapping[str, float | str], *, timeframe: str | int | None = None
) -> Strategy:
    """Return an instance of a registered class.

    Raises
    ------
    KeyError
        Where no class has that name.
    ParamError
        Where a parameter or the timeframe is wrong.
    """
    return CLASSES[class_name](timeframe=timeframe, **params)


def running_timeframe(cls: type[Strategy], base: int) -> int:
    """Return the seconds of the bars a class decides on: its own, or the stored where longer."""
    return max(TIMEFRAME_SECONDS[cls.timeframe], base)


def misfit(strategy: Strategy) -> str:
    """Return why a strategy cannot run on its timeframe, or nothing where it can."""
    try:
        compile_strategy(strategy)
    except ColumnError as fault:
        return str(fault)
    except Exception:  # noqa: BLE001
        # Broken is something else than unfit: the evaluation pauses it and says what failed.
        return ""
    return ""
