"""Every pair of status and event, against a table written by hand."""

import itertools

import pytest

from trading.execution.order_state import (
    MOVES,
    TERMINAL,
    WORKING,
    Event,
    IllegalMoveError,
    Status,
    next_status,
)
from trading.models import Order

ALLOWED = {
    ("draft", "approve"): "submitted",
    ("draft", "deny"): "denied",
    ("submitted", "accept"): "accepted",
    ("submitted", "reject"): "rejected",
    ("submitted", "fill_part"): "partially_filled",
    ("submitted", "fill"): "filled",
    ("submitted", "cancel"): "canceled",
    ("submitted", "expire"): "expired",
    ("submitted", "lose"): "unknown",
    ("accepted", "fill_part"): "partially_filled",
    ("accepted", "fill"): "filled",
    ("accepted", "cancel"): "canceled",
    ("accepted", "expire"): "expired",
    ("accepted", "lose"): "unknown",
    ("partially_filled", "fill_part"): "partially_filled",
    ("partially_filled", "fill"): "filled",
    ("partially_filled", "cancel"): "canceled",
    ("partially_filled", "expire"): "expired",
    ("partially_filled", "lose"): "unknown",
    ("unknown", "accept"): "accepted",
    ("unknown", "reject"): "rejected",
    ("unknown", "fill_part"): "partially_filled",
    ("unknown", "fill"): "filled",
    ("unknown", "cancel"): "canceled",
    ("unknown", "expire"): "expired",
}


@pytest.mark.parametrize(("status", "event"), list(itertools.product(Status, Event)))
def test_every_pair(status, event):
    wanted = ALLOWED.get((str(status), str(event)))
    if wanted is None:
        with pytest.raises(IllegalMoveError):
            next_status(status, event)
    else:
        assert next_status(status, event) == wanted


def test_the_table_knows_the_statuses_of_the_model_and_no_other():
    assert {str(s) for s in MOVES} == set(Order.Status.values)
    assert {str(s) for s in WORKING} == {str(s) for s in Order.WORKING}
    assert {str(s) for s in TERMINAL} == {"denied", "rejected", "filled", "canceled", "expired"}
