"""Ask Optuna's TPE for points; what is known is what the rows say, nothing else is kept.

A study is rebuilt from the trials of earlier generations whenever points are asked for. A
generation is asked from the results of those two and more before it; the points of the one just
before count as under way (constant liar). So a search gives the same points however many workers
make it, in whatever order they end, and whichever of them is killed.

Watanabe, "Tree-structured Parzen estimator" (2023); Ginsbourger et al. (2010) for the liar.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from trading.backtest.space import Dimension, Point, Space, Value

GENERATION = 8
STARTUP = 2 * GENERATION
_PRIME = 1_000_003
_TRIES = 8


@dataclass(frozen=True, slots=True)
class Known:
    """An earlier trial: its point, and its objective (higher is better).

    `is_under_way` while its result must not count yet; without an objective otherwise, it was
    refused or had too few trades and counts as worse than every other.
    """

    point: Point
    objective: float | None
    is_under_way: bool = False


def generation_of(number: int) -> int:
    """Return the generation of a trial, both counted from 1 and 0."""
    return (number - 1) // GENERATION


def asked(space: Space, known: Sequence[Known], *, count: int, seed: int) -> list[Point]:
    """Return the next points, none of which is known; fewer where the space has no more.

    Parameters
    ----------
    known : sequence of Known
        All earlier trials in their order.
    seed : int
        With the number of known trials it settles every random choice.
    """
    study = _study(space, known, seed)
    dice = Random(seed * _PRIME + len(known))  # noqa: S311  a search, no secret
    spread = {one.name: _distribution(one) for one in space.dimensions}
    seen = {_key(space, one.point) for one in known}
    found: list[Point] = []
    for _ in range(count):
        point = _fresh(study, space, spread, seen) or _drawn(space, dice, seen)
        if point is None:
            break
        seen.add(_key(space, point))
        found.append(point)
    return found


def _study(space: Space, known: Sequence[Known], seed: int) -> Any:
    # It takes half a second to import, and only the processes that search need it.
    import optuna
    from optuna.trial import TrialState, create_trial

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(
        seed=(seed * _PRIME + len(known)) % 2**32,
        n_startup_trials=STARTUP,
        multivariate=True,
        constant_liar=True,
    )
    study = optuna.create_study(sampler=sampler, direction="maximize")
    spread = {one.name: _distribution(one) for one in space.dimensions}
    for one in known:
        state = TrialState.COMPLETE
        if one.is_under_way:
            state = TrialState.RUNNING
        elif one.objective is None:
            state = TrialState.PRUNED
        study.add_trial(
            create_trial(
                state=state,
                value=one.objective if state == TrialState.COMPLETE else None,
                params={d.name: _told(d, one.point[d.name]) for d in space.dimensions},
                distributions=spread,
            )
        )
    return study


def _fresh(
    study: Any, space: Space, spread: dict[str, Any], seen: set[tuple[Value, ...]]
) -> Point | None:
    """Return a point that TPE asks for and that is neither known nor against a condition."""
    for _ in range(_TRIES):
        params = study.ask(spread).params
        point = {one.name: _heard(one, params[one.name]) for one in space.dimensions}
        if space.allows(point) and _key(space, point) not in seen:
            return point
    return None


def _drawn(space: Space, dice: Random, seen: set[tuple[Value, ...]]) -> Point | None:
    """Return a point at random where TPE only repeats itself; None where all are known."""
    for _ in range(200):
        point = {one.name: one.drawn(dice) for one in space.dimensions}
        if space.allows(point) and _key(space, point) not in seen:
            return point
    if space.is_listed and (space.size or 0) <= len(seen) * 100 + 10_000:
        return next((one for one in space.grid() if _key(space, one) not in seen), None)
    return None


def _distribution(one: Dimension) -> Any:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if not one.values:
        return FloatDistribution(one.low, one.high)
    if one.is_text:
        return CategoricalDistribution(one.values)
    return IntDistribution(0, len(one.values) - 1)


def _told(one: Dimension, value: Value) -> Value:
    return one.values.index(value) if one.values and not one.is_text else value


def _heard(one: Dimension, value: Any) -> Value:
    if not one.values:
        return float(f"{value:.8g}")
    found: Value = value if one.is_text else one.values[value]
    return found


def _key(space: Space, point: Point) -> tuple[Value, ...]:
    return tuple(point[name] for name in space.names)
