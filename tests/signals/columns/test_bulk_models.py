"""A strategy that asks a trained model: at once as one by one."""

import pytest

from signals.columns.bulk import ColumnCache, decide_all
from signals.columns.errors import UnreadyModelError
from signals.forecasting.shelf import shelf
from signals.strategies import Strategy, enter_long, nothing
from tests.signals.app.conftest import START
from tests.signals.columns.bulk_cases import compared
from tests.signals.forecasting.shelved import series, shelved


@pytest.fixture(autouse=True)
def wave(monkeypatch):
    """A model trained through bar 1,200; no service brings the shelf up to date here."""
    monkeypatch.setattr(shelf, "refresh", None)
    shelf.put(shelved())


class Asks(Strategy):
    timeframe = "1m"

    def columns(self, x):
        said = x.model("wave")
        return {"up": said, "median": said.quantile_50, "smooth": said.ema(3)}

    def decide(self, b):
        if b.up > 0.5:
            return enter_long(stop=b.close * 0.99, why=f"{b.up!r} {b.median!r} {b.smooth!r}")
        return nothing("down")


def test_what_a_model_says_has_the_same_bits():
    span = START + 1300 * 60, START + 1799 * 60
    found = compared(Asks(), series(), span, instrument="BTC", cache=ColumnCache())
    assert set(found.verdict.tolist()) == {0, 1}


def test_bars_that_the_model_was_trained_on_are_refused():
    with pytest.raises(UnreadyModelError):
        decide_all(
            Asks(),
            series(),
            instrument="BTC",
            from_open=START + 1100 * 60,
            through_open=START + 1300 * 60,
        )
