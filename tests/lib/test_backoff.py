"""Delays double to a cap with jitter, and only valid data resets them."""

from mystic.lib.backoff import Backoff


def test_delays_double_to_the_cap_with_at_most_half_taken_off():
    backoff = Backoff(base_s=0.5, cap_s=30)
    for n in range(40):
        whole = min(30.0, 0.5 * 2**n)
        assert whole / 2 <= backoff.next_delay_s() <= whole
    backoff.succeeded()
    assert backoff.next_delay_s() <= 0.5
