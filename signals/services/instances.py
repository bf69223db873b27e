"""From a row to the strategy that it names: the one place for classes and written rules."""

from signals.columns.compiled import StrategyLike
from signals.models import Strategy
from signals.strategies.base import version_hash
from signals.strategies.registry import CLASSES, build, is_from_folder


class NoStrategyError(Exception):
    """The row names a class that is not there."""


def is_known(row: Strategy) -> bool:
    """Say whether an instance can be made of the row: its class is there.

    A file of the strategies folder may have changed since the row was made: what it says now is
    another version, with a row of its own.
    """
    cls = CLASSES.get(row.class_name)
    if cls is None:
        return False
    return not is_from_folder(cls) or version_hash(cls, row.params) == row.version


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
