"""Strategies: what is bought, when, with which stop; written with what this module exports.

`registry.CLASSES` maps class names to classes, `registry.build(class_name, params, timeframe=...)`
makes an instance, `version_hash(cls, params)` names its version. An instance has `name`,
`timeframe`, `params`, `version`; a class has `param_specs` (name to `Param`).
`docs/strategies.md` shows how one is written.
"""

from signals.columns import Entry, Exit, enter_long, exit_long, nothing
from signals.columns.escape import column
from signals.strategies.base import Strategy, version_hash
from signals.strategies.params import Param, ParamError, TextParam

__all__ = [
    "Entry",
    "Exit",
    "Param",
    "ParamError",
    "Strategy",
    "TextParam",
    "column",
    "enter_long",
    "exit_long",
    "nothing",
    "version_hash",
]
