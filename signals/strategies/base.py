"""What every strategy is: a timeframe, parameters, columns, and rules or a decision."""

import hashlib
import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from markets.types import TIMEFRAME_NAMES, TIMEFRAME_SECONDS
from signals.columns import Column, Cursor, Entry, Exit, Intent, Space
from signals.strategies.params import Param, ParamError

LANGUAGE = 2
"""The meaning of the words: raised when one calculates something else, so that versions change."""


class Strategy:
    """Buy when the rules say so; the same answer in backtest, paper and live.

    A subclass gives `columns` and either `rules` or `decide`. An instance is one parametrisation;
    its values never change.

    Attributes
    ----------
    name : str
        What people call it.
    timeframe : str
        The clock: one decision on every closed bar of it.
    params : dict
        The values of the `Param`s.
    asset_classes : tuple of str
        Of what it decides on: `crypto`, `stock`; on anything else it is not evaluated.
    loaded_source : bytes or None
        The text it was made from, for a class of the strategies folder.
    """

    name: ClassVar[str] = ""
    timeframe: str = "5m"
    param_specs: ClassVar[Mapping[str, Param[Any]]] = {}
    asset_classes: ClassVar[tuple[str, ...]] = ("crypto", "stock")
    loaded_source: ClassVar[bytes | None] = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Param)}
        cls.param_specs = {**cls.param_specs, **own}
        if "name" not in vars(cls):
            cls.name = cls.__name__

    def __init__(self, *, timeframe: str | int | None = None, **params: float | str) -> None:
        unknown = sorted(set(params) - set(self.param_specs))
        if unknown:
            known = ", ".join(self.param_specs) or "none"
            raise ParamError(f"{type(self).__name__} has no parameter {unknown[0]}; it has {known}")
        self.timeframe = _timeframe_name(self.timeframe if timeframe is None else timeframe)
        self.params = {
            name: spec.clean(params.get(name, spec.default))
            for name, spec in self.param_specs.items()
        }

    @property
    def version(self) -> str:
        """Hash of the code and the parameters: another version is another strategy."""
        return version_hash(type(self), self.params)

    def columns(self, x: Space) -> dict[str, Column]:
        """Name the columns the decision uses; they are stored with every decision."""
        return {}

    def rules(self, x: Space) -> tuple[Entry | Exit, ...]:
        """Return the entry and the exits, made of columns."""
        return ()

    def decide(self, b: Cursor) -> Intent | None:
        """Conclude from the bar that just closed; used where `rules` is not given."""
        return None


def _timeframe_name(value: str | int) -> str:
    name = TIMEFRAME_NAMES.get(value) if isinstance(value, int) else value
    if name not in TIMEFRAME_SECONDS:
        raise ParamError(f"timeframe must be one of {', '.join(TIMEFRAME_SECONDS)}, not {value!r}")
    return name


def version_hash(cls: type[Strategy], params: Mapping[str, Any]) -> str:
    """Hash the source of a strategy class (and of the classes it extends) with its parameters.

    Returns
    -------
    str
        16 hexadecimal digits; equal for equal code and equal values, defaults filled in.
    """
    digest = hashlib.sha256(f"language {LANGUAGE}".encode())
    for part in cls.__mro__:
        if part is Strategy:
            break
        if issubclass(part, Strategy):
            source = vars(part).get("loaded_source")
            digest.update(source or Path(inspect.getfile(part)).read_bytes())
            digest.update(part.__qualname__.encode())
    values = cls(**params).params
    digest.update(json.dumps(values, sort_keys=True).encode())
    return digest.hexdigest()[:16]
