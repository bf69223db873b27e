"""The same decisions, one by one and at once: how the tests of bulk decisions compare them."""

import numpy as np

from signals.columns import evaluate
from signals.columns.bulk import DecisionArrays, decide_all


def assert_same(found, wanted):
    assert len(found.verdict) == len(wanted.verdict)
    for name in ("bar_open", "verdict", "price", "stop", "take", "confidence"):
        one, other = getattr(found, name), getattr(wanted, name)
        assert one.dtype == other.dtype, name
        assert np.array_equal(one, other, equal_nan=one.dtype.kind == "f"), name
    assert dict(found.reasons) == dict(wanted.reasons)


def compared(strategy, provider, span, **options):
    """Assert that a span is decided the same both ways; return the decisions."""
    first, last = span
    asked = {"instrument": options.pop("instrument", 1), "from_open": first, "through_open": last}
    found = decide_all(strategy, provider, **asked, **options)
    wanted = DecisionArrays.of(evaluate(strategy, provider, **asked))
    assert_same(found, wanted)
    return found
