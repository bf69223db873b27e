"""Which of an ordered list of sources is used: the decision alone."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.failover import HAND_BACK_AFTER_S, TAKE_OVER_AFTER_S, FailoverOrder, Health

LIVE, AWAY, BLOCKED = Health.LIVE, Health.AWAY, Health.BLOCKED


@dataclass(slots=True)
class RuleOfTwo:
    """The rule of two sources by itself, written apart from the rule of many."""

    take_over_after_s: float = TAKE_OVER_AFTER_S
    hand_back_after_s: float = HAND_BACK_AFTER_S
    is_on_fallback: bool = False
    _since: float | None = None

    def update(self, *, is_first_live: bool, is_first_blocked: bool, now_s: float) -> bool:
        """Note how the first source does at monotonic `now_s`; True when the use changed."""
        is_as_used = is_first_live != self.is_on_fallback
        if is_as_used:
            self._since = None
            return False
        if self._since is None:
            self._since = now_s
        wait_s = self.hand_back_after_s if self.is_on_fallback else self.take_over_after_s
        if is_first_blocked and not self.is_on_fallback:
            wait_s = 0.0
        if now_s - self._since < wait_s:
            return False
        self.is_on_fallback = not self.is_on_fallback
        self._since = None
        return True


def uses(order, seconds, *healths):
    """Feed the same healths each second; return (second, position) of each change."""
    return [(s, order.used) for s in seconds if order.update(healths, now_s=float(s))]


def test_each_next_source_has_ten_seconds_and_the_first_returns_after_thirty():
    order = FailoverOrder()
    assert uses(order, range(10), AWAY, AWAY, AWAY) == []
    assert uses(order, range(10, 31), AWAY, AWAY, AWAY) == [(10, 1), (21, 2)]
    assert order.wanted == 3
    assert uses(order, range(31, 100), AWAY, AWAY, AWAY) == []
    assert uses(order, range(100, 200), LIVE, AWAY, LIVE) == [(130, 0)]
    assert order.wanted == 1


def test_a_second_source_that_lives_is_used_and_kept():
    order = FailoverOrder()
    assert uses(order, range(20), AWAY, LIVE, AWAY) == [(10, 1)]
    assert uses(order, range(20, 400), AWAY, LIVE, LIVE) == []


def test_the_best_of_those_that_returned_is_taken():
    order = FailoverOrder(used=2)
    assert uses(order, range(30), AWAY, LIVE, LIVE) == []
    assert uses(order, range(30, 31), LIVE, LIVE, LIVE) == [(30, 1)]
    assert uses(order, range(31, 61), LIVE, LIVE, LIVE) == [(60, 0)]


def test_a_live_one_is_taken_at_once_when_the_used_one_goes():
    order = FailoverOrder(used=2)
    assert uses(order, range(5), AWAY, LIVE, LIVE) == []
    assert uses(order, range(5, 20), AWAY, LIVE, AWAY) == [(15, 1)]


@pytest.mark.parametrize(
    ("healths", "used"),
    [
        ((BLOCKED, AWAY, AWAY), 1),
        ((BLOCKED, BLOCKED, AWAY), 2),
        ((BLOCKED, AWAY, LIVE), 2),
        ((BLOCKED, BLOCKED, BLOCKED), 0),
    ],
)
def test_a_blocked_source_is_left_at_once_for_one_that_is_not(healths, used):
    order = FailoverOrder()
    order.update(healths, now_s=0.0)
    assert order.used == used


def test_a_short_cut_changes_nothing():
    order = FailoverOrder()
    for second in range(100):
        assert not order.update((LIVE if second % 10 == 0 else AWAY, LIVE), now_s=float(second))


def test_a_first_source_that_comes_and_goes_is_not_trusted():
    order = FailoverOrder(used=1)
    for second in range(300):
        assert not order.update((LIVE if second % 25 else AWAY, LIVE), now_s=float(second))


def test_one_source_alone_is_always_used():
    order = FailoverOrder()
    assert uses(order, range(100), AWAY) == []
    assert order.used == 0


@given(st.lists(st.sampled_from([LIVE, AWAY, BLOCKED]), min_size=1, max_size=300))
def test_with_a_second_source_that_lives_it_decides_as_the_rule_of_two(healths):
    two, order = RuleOfTwo(), FailoverOrder()
    for second, health in enumerate(healths):
        two.update(
            is_first_live=health is LIVE,
            is_first_blocked=health is BLOCKED,
            now_s=float(second),
        )
        order.update((health, LIVE), now_s=float(second))
        assert order.used == int(two.is_on_fallback)
