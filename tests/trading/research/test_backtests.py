"""A backtest from the asking to the report."""

import pytest

from tests.signals.app.conftest import START
from tests.trading.research.conftest import BARS, MINUTE, made
from trading.selectors_research import document_of

pytestmark = pytest.mark.django_db


def test_a_backtest_is_asked_for_and_made(ask):
    run = ask(name="first  one")
    assert (run.state, run.name, run.symbols) == ("waiting", "first one", ["BTC/USDT"])
    run = made(run)
    assert (run.state, run.error, run.progress) == ("ready", "", 1.0)
    document = document_of(run)
    assert document["span"]["bars"] == BARS - 2_000
    assert document["span"]["first_bar"] == START + 2_000 * MINUTE
    assert document["span"]["last_bar"] == START + (BARS - 1) * MINUTE
