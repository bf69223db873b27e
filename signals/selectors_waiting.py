"""What keeps pairs from being decided: an input that has stopped."""

from collections.abc import Sequence

from markets.selectors import base_timeframe
from signals.columns.engine import waiting_for
from signals.feed import Extent, Feed, extents
from signals.models import Progress, Strategy
from signals.services.instances import instance_of

# A symbol or a feed may come a little later than the pair's own bars.
PATIENCE_BARS = 3


def waiting_pairs(strategies: Sequence[Strategy]) -> dict[int, str]:
    """Return, by the pair's id, what each pair waits for that is some bars behind its own series.

    Pairs that are paused, not begun or not behind are left out.
    """
    pairs = [
        (strategy, pair)
        for strategy in strategies
        for pair in strategy.progress.all()
        if not pair.paused_reason and pair.decided_through is not None
    ]
    base = base_timeframe()
    spans = extents(sorted({pair.instrument_id for _, pair in pairs}), base)
    behind = [one for one in pairs if _is_behind(*one, spans)]
    feed = Feed(spans, base)
    found = {pair.pk: _sentence(strategy, pair, feed) for strategy, pair in behind}
    return {pk: sentence for pk, sentence in found.items() if sentence}


def _is_behind(strategy: Strategy, pair: Progress, spans: dict[int, Extent]) -> bool:
    span, step = spans.get(pair.instrument_id), strategy.timeframe
    if span is None or pair.decided_through is None:
        return False
    newest = span.through // step * step - step
    return newest - pair.decided_through >= PATIENCE_BARS * step


def _sentence(strategy: Strategy, pair: Progress, feed: Feed) -> str:
    bar_open = (pair.decided_through or 0) + strategy.timeframe
    try:
        instance = instance_of(strategy)
        return waiting_for(instance, feed, instrument=pair.instrument_id, bar_open=bar_open)
    except Exception:  # noqa: BLE001  a strategy's own code among them
        return ""  # the next evaluation says so in a decision
