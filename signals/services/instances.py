"""From a row to the strategy that it names: the one place for classes and written rules."""

import json
from functools import lru_cache

from markets.types import TIMEFRAME_NAMES
from signals.columns.compiled import StrategyLike
from signals.columns.errors import ColumnError
from signals.models import Strategy
from signals.strategies.base import version_hash
from signals.strategies.definition_reading import definition_read
from signals.strategies.params import ParamError
from signals.strategies.registry import CLASSES, build, is_from_folder
from signals.strategies.written import WrittenStrategy

RULES_CLASS = "Rules"
"""The class name of every row of written rules."""


class NoStrategyError(Exception):
    """The row names a class that is not there."""


def is_written(row: Strategy) -> bool:
    """Say whether the row holds rules that somebody wrote."""
    return row.origin == Strategy.Origin.RULES


def is_known(row: Strategy) -> bool:
    """Say whether an instance can be made of the row: its class is there, or it is its own.

    A file of the strategies folder may have changed since the row was made: what it says now is
    another version, with a row of its own.
    """
    if is_written(row):
        return True
    cls = CLASSES.get(row.class_name)
    if cls is None:
        return False
    if not is_from_folder(cls):
        return True
    try:
        return version_hash(cls, row.params) == row.version
    except ParamError:
        return False  # the file has other parameters now


def instance_of(row: Strategy) -> StrategyLike:
    """Return the strategy that a row describes, with its parameters, on its timeframe.

    Raises
    ------
    NoStrategyError
        Where the class is not there, such as a file taken out of the strategies folder.
    ParamError, ColumnError
        Where what is stored does not fit any more.
    """
    if is_written(row):
        return written_of(row)
    if not is_known(row):
        message = f"there is no class {row.class_name}"
        raise NoStrategyError(message)
    return build(row.class_name, row.params, timeframe=row.timeframe)


def written_of(row: Strategy) -> WrittenStrategy:
    """Return the written strategy of a row of rules."""
    rules = json.dumps(row.definition.get("rules"))
    return _written(rules, json.dumps(row.params), TIMEFRAME_NAMES[row.timeframe])


def readable(row: Strategy) -> tuple[WrittenStrategy | None, str]:
    """Return the written strategy of a row; None, and why, where an update took a word away."""
    try:
        return written_of(row), ""
    except (ColumnError, ParamError) as fault:
        return None, f"These rules cannot be read any more: {fault}"


@lru_cache(maxsize=256)
def _written(rules: str, params: str, timeframe: str) -> WrittenStrategy:
    definition = definition_read(json.loads(rules))
    return WrittenStrategy(definition, json.loads(params), timeframe=timeframe)
