"""What one strategy says badly is its own error; the decisions of the others are kept."""

import pytest
from django.db import DatabaseError, connection

from signals.columns import enter_long
from signals.models import Decision, Forecast, Signal
from signals.services.evaluation import evaluate
from signals.services.strategies import strategies_sync
from signals.strategies.registry import CLASSES
from tests.signals.app.conftest import START, store, walk
from tests.signals.app.strategies import EveryTenth

pytestmark = pytest.mark.django_db
COUNT = 601  # the last one is a tenth minute


class MuteError(Exception):
    def __str__(self):
        raise RuntimeError("it has no text")


def told(make, **said):
    """Say what no type checker would let pass."""
    return make(**said)


def fail(fault):
    raise fault


WORDS = {
    "nothing in a text": lambda b: enter_long(why="a\0b", stop=b.close - 1),
    "nothing in an error": lambda b: fail(ValueError("a\0b")),
    "half a character": lambda b: fail(ValueError("a\ud800b")),
    "an error without text": lambda b: fail(MuteError()),
    "no number": lambda b: enter_long(why="a", stop=b.close - 1, confidence=float("nan")),
    "a text as a number": lambda b: told(enter_long, why="a", stop=b.close - 1, confidence="high"),
    "a number as a text": lambda b: told(enter_long, why=5, stop=b.close - 1),
    "something else": lambda b: 5,
}
SAID = {
    "nothing in a text": ("enter_long", "ab"),
    "nothing in an error": ("error", "ValueError: ab"),
    "half a character": ("error", "ValueError: a?b"),
    "an error without text": ("error", "RuntimeError: it has no text"),
    "no number": ("error", "ValueError: confidence is a number from 0 to 1, not nan"),
    "a text as a number": ("error", "TypeError: must be real number, not str"),
    "a number as a text": ("error", "TypeError: 'int' object is not subscriptable"),
    "something else": ("error", "decide returns enter_long, exit_long or nothing, not 5"),
}


@pytest.fixture
def only(monkeypatch, btc):
    def register(*classes):
        store(btc, walk(COUNT))
        for name in list(CLASSES):
            monkeypatch.delitem(CLASSES, name)
        for one in classes:
            monkeypatch.setitem(CLASSES, one.__name__, one)
        strategies_sync()

    return register


@pytest.mark.parametrize("word", WORDS)
def test_a_bad_word_is_the_error_of_its_pair_alone(word, only):
    class Bad(EveryTenth):
        name = "Bad"

        def decide(self, b):
            return WORDS[word](b)

    only(Bad, EveryTenth)
    assert evaluate(60, START + 60 * COUNT) == 2
    found = dict(Decision.objects.values_list("strategy__name", "verdict"))
    assert found == {"Bad": SAID[word][0], "Every tenth": "enter_long"}
    assert Decision.objects.get(strategy__name="Bad").reason == SAID[word][1]
    assert Signal.objects.filter(strategy__name="Every tenth").count() == 1
    assert evaluate(60, START + 60 * COUNT) == 0


def test_forecasts_that_cannot_be_written_take_no_decision_with_them(only):
    def refused(execute, sql, params, many, context):
        if sql.startswith("INSERT") and "signals_forecast" in sql:
            raise DatabaseError("no room for forecasts")
        return execute(sql, params, many, context)

    only(EveryTenth)
    with connection.execute_wrapper(refused):
        assert evaluate(60, START + 60 * COUNT) == 1
    assert (Signal.objects.count(), Forecast.objects.count()) == (1, 0)
