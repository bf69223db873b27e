"""Two workers meet at a pair that nobody decided yet: the later answer leaves no hole."""

import pytest

from signals import services
from signals.feed import Feed, extents
from signals.models import Decision
from signals.services import evaluation
from tests.signals.app.conftest import store, walk

pytestmark = pytest.mark.django_db


def answer_of_a_worker(instrument, strategies):
    """What a worker found out that has read everything and written nothing yet."""
    spans = extents([instrument.pk], 60)
    tasks = list(evaluation._tasks(strategies, [instrument], spans, None))
    feed = Feed(spans, 60)
    feed.read_ahead([instrument.pk], seconds=60)
    return [evaluation._outcome(task, feed, spans) for task in tasks]


def test_the_later_of_two_first_answers_leaves_no_hole(btc):
    rows = walk(300)
    strategies = [row for row in services.strategies_sync() if row.class_name == "SmcConfluence"]
    store(btc, rows[:297])
    early = answer_of_a_worker(btc, strategies)
    store(btc, rows[297:])
    late = answer_of_a_worker(btc, strategies)
    assert late[0].from_open > early[0].from_open + 60
    evaluation._write(early)
    evaluation._write(late)
    assert [row.bar_open for row in Decision.objects.all()] == [rows[296][0]]
    services.evaluate_waiting()
    mine = Decision.objects.filter(strategy=strategies[0])
    decided = mine.order_by("bar_open").values_list("bar_open", flat=True)
    assert list(decided) == [row[0] for row in rows[296:]]
