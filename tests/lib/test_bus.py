"""Events reach their listeners, in order, whatever one of them does."""

import logging
from dataclasses import dataclass

from mystic.lib import bus


@dataclass(frozen=True, slots=True)
class Rang:
    times: int


@dataclass(frozen=True, slots=True)
class RangLouder(Rang):
    pass


def test_a_listener_that_fails_is_logged_and_stops_nobody(caplog):
    heard: list[int] = []

    def breaks(event: Rang) -> None:
        raise RuntimeError("broken listener")

    def hears(event: Rang) -> None:
        heard.append(event.times)

    bus.subscribe(Rang, breaks)
    bus.subscribe(Rang, hears)
    bus.subscribe(Rang, hears)
    with caplog.at_level(logging.ERROR):
        bus.publish(Rang(3))
        bus.publish(RangLouder(9))
    bus.unsubscribe(Rang, breaks)
    bus.unsubscribe(Rang, hears)
    bus.publish(Rang(4))
    assert heard == [3]
    assert "a listener of Rang failed" in caplog.text
