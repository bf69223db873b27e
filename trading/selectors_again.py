"""Whether a backtest gave again what an earlier one of the same wish had given, or what changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trading.backtest.document import inflated
from trading.models import BacktestResult, BacktestRun

SAME_WISH = ("params", "symbols", "assumptions", "definition")
MOST_LOOKED_AT = 50
KINDS = ("rules", "fees")
NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Again:
    """An earlier run that asked for the same.

    Attributes
    ----------
    run_id : int
        The earlier one.
    is_equal : bool
        Every byte of both reports is the same.
    sentence : str
        That, or what changed.
    """

    run_id: int
    is_equal: bool
    sentence: str


def again_of(run: BacktestRun, content: Mapping[str, Any] | None = None) -> Again | None:
    """Hold a run against the owner's last earlier one of the same wish; None where there is none.

    Parameters
    ----------
    content : mapping, optional
        The run's report, where it was read already.
    """
    own = BacktestResult.objects.filter(run=run).defer("document").first()
    if own is None:
        return None
    earlier = _same_wish(run)
    if earlier is None:
        return None
    there = earlier.result
    if there.document_hash == own.document_hash:
        return Again(
            earlier.pk, is_equal=True, sentence=f"Equal byte for byte to run {earlier.pk}."
        )
    here = _content(run) if content is None else content
    changed = list(changes(_content(earlier), here))
    told = "; ".join(changed) or "something that an older report does not tell"
    sentence = f"Not equal to run {earlier.pk}, which asked for the same. Changed: {told}."
    return Again(earlier.pk, is_equal=False, sentence=sentence)


def changes(there: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    """Yield what two reports of the same wish followed from differently, in words."""
    then, now = there["strategy"]["version"], here["strategy"]["version"]
    if then != now:
        yield f"the strategy's code or rules (version {then}, now {now})"
    if "made_of" in there and "made_of" in here:
        yield from _parts_apart(there["made_of"], here["made_of"])
    else:
        if there["code_hash"] != here["code_hash"] and then == now:
            yield "the platform's code or a trained model"
        if there["data_hash"] != here["data_hash"]:
            yield "the bars or a feed"
    if there["span"].get("sources") != here["span"].get("sources"):
        yield "where the bars came from"


def _parts_apart(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    if old["language"] != new["language"]:
        yield f"the language of strategies ({old['language']}, now {new['language']})"
    if old["engine"] != new["engine"]:
        yield "the platform's code"
    for name, before, after in _apart(old["models"], new["models"]):
        yield f"the model {name} (version {before}, now {after})"
    for name, _, _ in _apart(old["data"], new["data"]):
        yield f"the {name}"
    for name, before, after in _apart(old["listings"], new["listings"]):
        rules, fees = ((before or NOTHING).get(x) != (after or NOTHING).get(x) for x in KINDS)
        if fees:
            yield f"the venue's fees of {name}"
        if rules:
            yield f"the trading rules of {name}"


def _apart(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield name, old.get(name), new.get(name)


def _same_wish(run: BacktestRun) -> BacktestRun | None:
    rows = BacktestRun.objects.filter(
        owner=run.owner_id,
        state=BacktestRun.State.READY,
        class_name=run.class_name,
        timeframe=run.timeframe,
        from_open=run.from_open,
        through_open=run.through_open,
        pk__lt=run.pk,
        result__isnull=False,
    )
    near = rows.select_related("result").defer("result__document").order_by("-pk")
    wish = [getattr(run, name) for name in SAME_WISH]
    for one in near[:MOST_LOOKED_AT]:
        if [getattr(one, name) for name in SAME_WISH] == wish:
            return one
    return None


def _content(run: BacktestRun) -> dict[str, Any]:
    return inflated(bytes(BacktestResult.objects.only("document").get(run=run).document))
