"""Figures as people read them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from markets.models import Instrument
from mystic.lib.provenance import Provenance
from mystic.templatetags import ui


@pytest.mark.parametrize(
    ("value", "places", "shown"),
    [
        (61000.5, 2, "61,000.50"),
        ("0.08744", 5, "0.08744"),
        (1234567, None, "1,234,567"),
        (None, 2, "—"),
        ("", 2, "—"),
        (float("nan"), 2, "—"),
        (float("inf"), 2, "—"),
        ("not a number", 2, "—"),
        (0, 2, "0.00"),
    ],
)
def test_price(value, places, shown):
    assert ui.price(value, places) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.2, '<span class="up">▲ +1.20</span>'),
        (-0.5, '<span class="down">▼ -0.50</span>'),
        (0, '<span class="flat">0.00</span>'),
        (-0.001, '<span class="flat">0.00</span>'),
        (None, "—"),
    ],
)
def test_signed_never_speaks_by_colour_alone(value, shown):
    assert ui.signed(value) == shown


def test_change_is_a_fraction_in_percent():
    assert ui.change(0.0123) == '<span class="up">▲ +1.23 %</span>'
    assert ui.change(-0.5) == '<span class="down">▼ -50.00 %</span>'
    assert ui.percent(0.0123) == "1.23 %"
    assert ui.change(None) == ui.percent(None) == "—"


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [(0, "0.0 s"), (340, "0.3 s"), (12_000, "12 s"), (300_000, "5 min"), (10_800_000, "3 h")],
)
def test_age(milliseconds, shown):
    assert ui.age(milliseconds) == shown


def test_age_of_what_never_happened_is_a_dash():
    assert ui.age(None) == ui.since(None) == ui.epoch(None) == "—"
    assert ui.since(timezone.now() - timedelta(minutes=5)) == "5 min"


@pytest.mark.parametrize(("tick", "places"), [(1_000_000, 2), (100_000_000, 0), (1, 8), (5000, 5)])
def test_places_come_from_the_tick(tick, places):
    assert ui.places(Instrument(tick=tick, price_scale=8)) == places


def test_units_are_exact():
    assert ui.units(123_456_789, 8) == "1.23456789"
    assert ui.units(100_000_000, 8) == "1"
    assert ui.units(None, 8) == "—"


def test_epoch_is_utc():
    assert ui.epoch(1_700_000_000) == (
        '<time datetime="2023-11-14T22:13:20Z">2023-11-14 22:13:20</time>'
    )


@pytest.mark.parametrize(
    ("marks", "state"),
    [
        ({"source": "binance", "is_live": True}, "live"),
        ({"source": "binance", "is_live": False}, "stored"),
        ({"source": "binance", "is_live": False, "is_stale": True}, "stale"),
        ({"source": "yahoo", "is_live": False, "is_delayed": True}, "delayed"),
        ({"source": "yahoo", "is_live": False, "is_imputed": True}, "imputed"),
        ({"source": "replay:binance", "is_live": False, "is_stale": True}, "replay"),
    ],
)
def test_provenance_says_what_a_reader_must_know(marks, state):
    origin = Provenance(as_of_ms=None, received_at_ms=1, **marks)
    assert ui.provenance(origin)["state"] == state


def test_missing_value_has_a_missing_origin():
    found = ui.provenance(None, reason="nothing arrived")
    assert (found["state"], found["age_ms"], found["reason"]) == (
        "missing",
        None,
        "nothing arrived",
    )


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (12749.64310172, 2, "12,749.6431"),
        (0.000012345678, 8, "0.00001235"),
        (3.0, 2, "3"),
        (True, 2, "yes"),
        (None, 2, "—"),
    ],
)
def test_a_reading_is_shown_to_a_little_more_than_the_tick(value, digits, shown):
    assert ui.reading(value, digits) == shown
