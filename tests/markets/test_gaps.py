"""Gaps: opened, answered in parts, absent ranges joined."""

import pytest

from markets.models import Gap, Instrument, Venue
from markets.services import gap_open, gap_resolve, gap_withdraw

pytestmark = pytest.mark.django_db


@pytest.fixture
def series():
    venue = Venue.objects.create(code="binance", name="Binance")
    row = Instrument.objects.create(
        venue=venue, symbol="BTC/USDT", native_id="BTCUSDT", base="BTC", quote="USDT"
    )
    return {"instrument_id": row.pk, "timeframe": 60}


def rows():
    return sorted((gap.start, gap.end, gap.state) for gap in Gap.objects.all())


def test_an_answered_gap_is_filled(series):
    gap_open(**series, start=60, end=300)
    gap_open(**series, start=60, end=300)
    gap_resolve(**series, start=60, end=300)
    assert rows() == [(60, 300, "filled")]
    assert Gap.objects.get().resolved_at is not None


def test_an_answer_for_a_part_leaves_the_rest_open(series):
    gap_open(**series, start=60, end=600)
    gap_resolve(**series, start=300, end=900)
    assert rows() == [(60, 300, "open"), (300, 600, "filled")]
    gap_resolve(**series, start=120, end=180)
    assert rows() == [
        (60, 120, "open"),
        (120, 180, "filled"),
        (180, 300, "open"),
        (300, 600, "filled"),
    ]


def test_absent_ranges_are_recorded_and_joined(series):
    gap_resolve(**series, start=0, end=600, absent=[(60, 120), (240, 300)])
    assert rows() == [(60, 120, "absent"), (240, 300, "absent")]
    gap_resolve(**series, start=600, end=900, absent=[(300, 360), (120, 180)])
    assert rows() == [(60, 180, "absent"), (240, 360, "absent")]


def test_a_whole_gap_that_is_absent(series):
    gap_open(**series, start=60, end=300)
    gap_resolve(**series, start=60, end=300, absent=[(60, 300)])
    assert rows() == [(60, 300, "absent")]


def test_what_a_bar_from_the_future_told_is_withdrawn(series):
    gap_open(**series, start=60, end=300)
    gap_open(**series, start=60, end=9_000_000)
    gap_withdraw(**series, after=600)
    assert rows() == [(60, 300, "open")]
