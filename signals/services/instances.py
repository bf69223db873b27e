"""From a row to the strategy that it names: the one place for classes and written rules."""

from signals.columns.compiled import StrategyLike
from signals.models import Strategy
from signals.strategies.registry import CLASSES, build


class NoStrategyError(Exception):
    """The row names a class that is not there."""


def is_known(row: Strategy) -> bool:
    """Say whether an instance can be made of the row: its class is there."""
    return row.class_name in CLASSES


def instance_of(row: Strategy) -> StrategyLike:
    """Return the strategy that a row describes, with its parameters, on its timeframe.

    Raises
    ------
    NoStrategyError
        Where the class is not there, such as a file taken out of the strategies folder.
    ParamError, ColumnError
        Where what is stored does not fit any more.
    """
    if not is_known(row):
        message = f"there is no class {row.class_name}"
        raise NoStrategyError(message)
    return build(row.class_name, row.params, timeframe=row.timeframe)
