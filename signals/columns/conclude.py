"""From the values of one row to a decision."""

from collections.abc import Iterator, Mapping
from math import isfinite, isnan

from signals.columns.compiled import Compiled, EntryPlan, ExitPlan, Named
from signals.columns.cursor import Cursor, MissingValueError
from signals.columns.decisions import BarDecision, Intent, Verdict, nothing
from signals.columns.graph import Node
from signals.columns.run import Values

REWARD = 3.0
REASON_LENGTH = 300

Row = Mapping[int, float]


def conclude(
    compiled: Compiled, opens: list[int], values: Values, first: int
) -> Iterator[BarDecision]:
    """Yield the decisions for the rows from `first` on."""
    wanted = _nodes(compiled)
    keys = [id(node) for node in wanted]
    table = [values[key][first:].tolist() for key in keys]
    for bar_open, *row in zip(opens[first:], *table, strict=True):
        yield _decide(compiled, bar_open, dict(zip(keys, row, strict=True)))


def _nodes(compiled: Compiled) -> list[Node]:
    nodes = [*compiled.prices, *(node for _, node in compiled.named)]
    for entry in compiled.entries:
        nodes += [node for _, node in (*entry.when, *entry.parts)]
        nodes += [node for node in (entry.stop, entry.take) if node is not None]
    nodes += [node for one in compiled.exits for _, node in one.when]
    return list({id(node): node for node in nodes}.values())


def _decide(compiled: Compiled, bar_open: int, row: Row) -> BarDecision:
    price = row[id(compiled.prices[3])]
    intent, values = (
        _by_rules(compiled, row) if compiled.entries else _by_code(compiled, bar_open, row)
    )
    intent = checked(intent, price)
    acts = intent.verdict in (Verdict.ENTER_LONG, Verdict.EXIT)
    enters = intent.verdict is Verdict.ENTER_LONG
    return BarDecision(
        bar_open,
        intent.verdict,
        intent.why[:REASON_LENGTH],
        intent.confidence if acts else None,
        values,
        intent.stop if enters else None,
        intent.take if enters else None,
        price,
    )


def checked(intent: Intent, price: float) -> Intent:
    """Give an entry its target, or turn one whose stop or target cannot be into a `none`."""
    if intent.verdict is not Verdict.ENTER_LONG:
        return intent
    stop, take = intent.stop, intent.take
    if stop is None or not isfinite(stop):
        return nothing("the stop is not known")
    if not 0 < stop < price:
        return nothing(f"the stop {stop:.8g} is not below the price {price:.8g}")
    if take is None:
        take = price + REWARD * (price - stop)
    if not isfinite(take) or take <= price:
        return nothing(f"the target {take:.8g} is not above the price {price:.8g}")
    return Intent(Verdict.ENTER_LONG, intent.why, stop, take, intent.confidence)


def _by_rules(compiled: Compiled, row: Row) -> tuple[Intent, dict[str, float | bool]]:
    values = _plain(compiled.named, row)
    for entry in compiled.entries:
        values |= _plain((*entry.when, *entry.parts), row)
    for leave in compiled.exits:
        if _first_failing(leave.when, row) is None:
            return Intent(Verdict.EXIT, why(leave)), values
    reasons: list[str] = []
    for entry in compiled.entries:
        intent = _entry_intent(entry, row)
        if intent.verdict is Verdict.ENTER_LONG:
            return intent, values
        reasons.append(intent.why)
    return nothing(reasons[0]), values


def _entry_intent(entry: EntryPlan, row: Row) -> Intent:
    failing = _first_failing(entry.when, row)
    if failing is not None:
        return nothing(failing)
    confidence = entry.fixed_confidence
    if entry.parts:
        parts = (row[id(node)] for _, node in entry.parts)
        confidence = min(max(sum(part for part in parts if not isnan(part)), 0.0), 1.0)
    if confidence < entry.threshold:
        return nothing(_too_low(confidence, entry.threshold))
    take = None if entry.take is None else row[id(entry.take)]
    return Intent(Verdict.ENTER_LONG, why(entry), row[id(entry.stop)], take, confidence)


def _too_low(confidence: float, threshold: float) -> str:
    for digits in (2, 4, 17):
        found, wanted = f"{confidence:.{digits}f}", f"{threshold:.{digits}f}"
        if found != wanted:
            break
    return f"confidence {found} below {wanted}"


def _first_failing(when: Named, row: Row) -> str | None:
    for name, node in when:
        held = row[id(node)]
        if held != 1:
            return f"{name}: not known" if isnan(held) else f"{name}: no"
    return None


def why(rule: EntryPlan | ExitPlan) -> str:
    return rule.why or ", ".join(name for name, _ in rule.when)


def _by_code(compiled: Compiled, bar_open: int, row: Row) -> tuple[Intent, dict[str, float | bool]]:
    everything: dict[str, float | bool] = {name: row[id(node)] for name, node in compiled.named}
    prices = tuple(row[id(node)] for node in compiled.prices)
    cursor = Cursor(bar_open, bar_open + compiled.timeframe, prices, everything)
    return _call(compiled, cursor), _plain(compiled.named, row)


def _call(compiled: Compiled, cursor: Cursor) -> Intent:
    try:
        intent: object = compiled.strategy.decide(cursor)
    except Exception as error:  # noqa: BLE001 (a strategy's own code; the bar says what happened)
        return failed(error)
    return judged(intent)


def failed(error: Exception) -> Intent:
    """Return what follows from an error in a strategy's own code."""
    if isinstance(error, MissingValueError):
        return nothing(str(error))
    return Intent(Verdict.ERROR, f"{type(error).__name__}: {error}")


def judged(intent: object) -> Intent:
    """Return what a strategy's own code asks for, or that it is nothing that can be asked for."""
    if intent is None:
        return nothing
    if not isinstance(intent, Intent):
        return Intent(
            Verdict.ERROR, f"decide returns enter_long, exit_long or nothing, not {intent!r}"
        )
    return intent


def _plain(named: Named, row: Row) -> dict[str, float | bool]:
    """Return the finite values by name; a flag as bool."""
    plain: dict[str, float | bool] = {}
    for name, node in named:
        value = row[id(node)]
        if isfinite(value):
            plain[name] = value == 1 if node.is_flag else value
    return plain
