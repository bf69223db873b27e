"""The breaker alone: when it opens, what it lets through, what closes it."""

import pytest

from mystic.lib.circuit import FINAL_HOLD_S, Circuit, CircuitState, Fault

CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN
T = 1_700_000_000.0


def opened():
    circuit = Circuit()
    for second in range(5):
        assert circuit.admits(T + second)
        circuit.failed(T + second, reason="down")
    return circuit


def test_the_fifth_failure_in_a_minute_opens_it():
    circuit = Circuit()
    for second in range(4):
        circuit.failed(T + second)
    assert (circuit.state, circuit.failures(T + 4)) == (CLOSED, 4)
    circuit.failed(T + 59, reason="the fifth")
    assert (circuit.state, circuit.reason) == (OPEN, "the fifth")
    assert (circuit.opened_at_s, circuit.retry_at_s) == (T + 59, T + 89)


def test_failures_that_are_further_apart_do_not():
    circuit = Circuit()
    for number in range(100):
        circuit.failed(T + 15 * number)
    assert (circuit.state, circuit.failures(T + 15 * 99)) == (CLOSED, 4)


def test_a_success_begins_the_count_anew():
    circuit = Circuit()
    for second in range(4):
        circuit.failed(T + second)
    circuit.succeeded()
    circuit.failed(T + 5)
    assert circuit.state is CLOSED


@pytest.mark.parametrize(
    ("fault", "told_s", "held_s"),
    [
        (Fault.BANNED, 0.0, 30.0),
        (Fault.BANNED, 120.0, 120.0),
        (Fault.REFUSED, 0.0, FINAL_HOLD_S),
    ],
)
def test_one_ban_or_refusal_is_enough(fault, told_s, held_s):
    circuit = Circuit()
    circuit.failed(T, fault, "no", told_s)
    assert (circuit.state, circuit.retry_at_s) == (OPEN, T + held_s)
    assert not circuit.admits(T + held_s - 0.001)
    assert circuit.admits(T + held_s)


def test_one_probe_goes_and_its_answer_closes_it():
    circuit = opened()
    assert [circuit.admits(T + s) for s in (5, 33.9, 34, 34, 35)] == [
        False, False, True, False, False,
    ]  # fmt: skip
    assert circuit.state is HALF_OPEN
    circuit.succeeded()
    assert (circuit.state, circuit.reason, circuit.retry_at_s) == (CLOSED, "", None)
    assert circuit.admits(T + 36)


def test_a_probe_that_fails_opens_it_again():
    circuit = opened()
    assert circuit.admits(T + 34)
    circuit.failed(T + 40, reason="still down")
    assert (circuit.state, circuit.retry_at_s, circuit.reason) == (OPEN, T + 70, "still down")


def test_a_probe_that_was_given_up_makes_room_for_another():
    circuit = opened()
    assert circuit.admits(T + 34)
    circuit.abandoned()
    assert circuit.admits(T + 35)
    assert not circuit.admits(T + 36)
    assert circuit.admits(T + 35 + 120)


def test_late_failures_do_not_prolong_it():
    circuit = opened()
    circuit.failed(T + 20)
    assert circuit.retry_at_s == T + 34


def test_a_clock_that_is_set_back_holds_no_longer_than_the_hold():
    circuit = opened()
    early = T - 86_400
    assert not circuit.admits(early)
    assert circuit.admits(early + 30)
