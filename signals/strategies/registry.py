"""The strategies there are."""

from collections.abc import Iterable, Mapping

from markets.types import TIMEFRAME_SECONDS
from signals.columns.compiled import compile_strategy
from signals.columns.errors import ColumnError
from signals.columns.model_column import unready
from signals.strategies.base import Strategy
from signals.strategies.candle_reversal import CandleReversal
from signals.strategies.fear_greed_contrarian import FearGreedContrarian
from signals.strategies.fee_aware import FeeAware
from signals.strategies.macro_regime import MacroRegime
from signals.strategies.mean_reversion import MeanReversion
from signals.strategies.momentum_rotation import MomentumRotation
from signals.strategies.news_sentiment import NewsSentiment
from signals.strategies.pairs_arbitrage import PairsArbitrage
from signals.strategies.smc_confluence import SmcConfluence
from signals.strategies.trend_pullback import TrendPullback
from signals.strategies.unusual_options import UnusualOptions
from signals.strategies.void_continuation import VoidContinuation
from signals.strategies.void_fade import VoidFade
from signals.strategies.volume_breakout import VolumeBreakout

BUILT_IN: tuple[type[Strategy], ...] = (
    SmcConfluence,
    TrendPullback,
    CandleReversal,
    FearGreedContrarian,
    FeeAware,
    MacroRegime,
    MeanReversion,
    MomentumRotation,
    NewsSentiment,
    PairsArbitrage,
    UnusualOptions,
    VoidContinuation,
    VoidFade,
    VolumeBreakout,
)
CLASSES: dict[str, type[Strategy]] = {one.__name__: one for one in BUILT_IN}
"""By name: those that come with Mystic, and what the strategies folder holds at present."""


def offer(found: Iterable[type[Strategy]]) -> None:
    """Let the classes of the strategies folder be these, and no others."""
    classes = {one.__name__: one for one in found}
    for name in [name for name, cls in CLASSES.items() if is_from_folder(cls)]:
        if name not in classes:
            del CLASSES[name]
    CLASSES.update(classes)


def is_from_folder(cls: type[Strategy]) -> bool:
    """Tell whether a class was read from the strategies folder."""
    return cls.loaded_source is not None


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


def decides_on(class_name: str, asset_class: str) -> bool:
    """Tell whether a class is made for what an instrument is; rules that somebody wrote always."""
    cls = CLASSES.get(class_name)
    return cls is None or asset_class in cls.asset_classes


def running_timeframe(cls: type[Strategy], base: int) -> int:
    """Return the seconds of the bars a class decides on: its own, or the stored where longer."""
    return max(TIMEFRAME_SECONDS[cls.timeframe], base)


def misfit(strategy: Strategy) -> str:
    """Return why a strategy cannot run on its timeframe, or nothing where it can."""
    try:
        compile_strategy(strategy)
    except ColumnError as fault:
        # A model that is not trained yet is waited for, bar by bar, with that sentence.
        return "" if unready(fault) else str(fault)
    except Exception:  # noqa: BLE001
        # Broken is something else than unfit: the evaluation pauses it and says what failed.
        return ""
    return ""
