"""Estimates and other venues' bars are shown beside a series and never read as one."""

import ast
from pathlib import Path

import pytest

from markets import series
from markets.bars import BarArrays
from markets.imputed import others_in_holes
from markets.models import Candle, Gap, GapEstimate, Instrument, Venue
from markets.selectors import bars_load
from markets.services.bulk import candles_bulk
from markets.services.estimates import Estimate, EstimateError, estimates_for, estimates_store
from markets.types import Origin

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
START = 1_699_920_000
NAN = float("nan")


def instrument(code, quote="USDT", base="BTC"):
    venue, _ = Venue.objects.get_or_create(
        code=code, defaults={"name": code, "is_replay": code.startswith("replay:")}
    )
    return Instrument.objects.create(
        venue=venue, symbol=f"{base}/{quote}", native_id=f"{base}{quote}", base=base, quote=quote
    )


def store(row, minutes, price=100.0):
    table = [(START + 60 * n, price, price, price, price, 1.0) for n in minutes]
    bars = BarArrays.from_rows(table, timeframe=60, source=row.venue.code)
    candles_bulk(instrument_id=row.pk, bars=bars, origin=Origin.BACKFILL, received_at_ms=1)


@pytest.fixture
def btc(settings):
    settings.ENV = {
        **settings.ENV,
        "BINANCE_REST_URL": "https://data-api.binance.vision",
        "BINANCE_WS_URL": "wss://data-stream.binance.vision",
    }
    series._remembered.clear()
    row = instrument("binance")
    store(row, [*range(10), *range(15, 20)])
    Gap.objects.create(
        instrument=row, timeframe=60, start=START + 600, end=START + 900, state="absent"
    )
    return row


def drawn(number, value=100.5):
    return Estimate(START + 60 * number, value, value + 1, value - 1, value)


def keep(row, *estimates):
    return estimates_store(
        instrument_id=row.pk, timeframe=60, rows=estimates, method="linear between neighbours"
    )


def test_estimates_are_kept_apart_and_read_back(btc):
    assert keep(btc, drawn(10), drawn(11)) == 2
    assert keep(btc, drawn(11, 7.0), drawn(12)) == 2
    found = estimates_for(btc.pk, 60, START, START + 6000)
    assert [(one.open_time, one.close) for one in found] == [
        (START + 600, 100.5),
        (START + 660, 7.0),
        (START + 720, 100.5),
    ]
    assert {one.method for one in found} == {"linear between neighbours"}
    assert estimates_for(btc.pk, 60, START + 660, START + 720) == found[1:2]
    assert Candle.objects.count() == 15
    bars = bars_load(btc.pk, 60, limit=99)
    assert not set(bars.open_time.tolist()) & {one.open_time for one in found}


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (drawn(3), "a real bar is stored"),
        (Estimate(START + 600, 1.0, NAN, 1.0, 1.0), "is no price"),
        (Estimate(START + 600, 1.0, 1.0, -1.0, 1.0), "is no price"),
        (Estimate(START + 600, 3.0, 2.0, 1.0, 1.0), "outside of its own low and high"),
        (Estimate(START + 601, 1.0, 1.0, 1.0, 1.0), "not on the grid"),
    ],
)
def test_an_estimate_that_cannot_be_is_refused(btc, row, fault):
    with pytest.raises(EstimateError, match=fault):
        keep(btc, drawn(10), row)
    assert not GapEstimate.objects.exists()
    with pytest.raises(EstimateError, match="the name of its method"):
        estimates_store(instrument_id=btc.pk, timeframe=60, rows=[], method="")


def test_a_real_bar_takes_the_place_of_its_estimate(btc):
    keep(btc, drawn(10), drawn(11))
    store(btc, [10])
    assert [one.open_time for one in estimates_for(btc.pk, 60, 0, 2**40)] == [START + 660]


def test_the_api_and_the_chart_carry_them_marked(btc, client):
    url = "/api/v1/market-data/BTCUSDT/historical"
    query = {"from": str(START), "to": str(START + 1200)}
    plain = client.get(url, query).json()
    assert plain["data"]["estimates"] == []
    assert "imputed" not in plain
    keep(btc, drawn(10))
    told = client.get(url, query).json()
    (one,) = told["data"]["estimates"]
    assert (one["open_time"], one["close"], one["imputed"]) == (START + 600, 100.5, True)
    assert (told["live_data"], told["imputed"]) == (False, True)
    assert told["data"]["bars"] == plain["data"]["bars"]
    chart = client.get("/markets/BTCUSDT/bars.json", {"timeframe": "1m"}).json()
    assert [row["open_time"] for row in chart["data"]["estimates"]] == [START + 600]
    assert START + 600 not in [bar[0] for bar in chart["data"]["bars"]]


def test_another_venue_is_offered_for_a_hole_with_its_name(btc, client):
    store(instrument("coinbase", "USD"), range(20), price=200.0)
    store(instrument("coinbase", "EUR"), range(20))
    store(instrument("replay:binance"), range(20))
    store(instrument("import:mine"), range(20))
    store(instrument("coinbase", "USD", "ETH"), range(20))
    (other,) = others_in_holes(btc, START, START + 1200)
    assert (other.source, other.instrument.symbol) == ("coinbase", "BTC/USD")
    assert other.bars.open_time.tolist() == [START + 60 * n for n in range(10, 15)]
    assert others_in_holes(btc, START, START + 600) == []
    chart = client.get("/markets/BTCUSDT/bars.json", {"timeframe": "1m"}).json()["data"]
    (told,) = chart["others"]
    assert (told["symbol"], told["source"]) == ("BTC/USD", "coinbase")
    assert told["closes"] == [[START + 60 * n, 200.0] for n in range(10, 15)]
    assert len(chart["bars"]) == 15
    assert {bar[4] for bar in chart["bars"]} == {100.0}


def names_in(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value if "gapestimate" in node.value.lower() else ""


def test_nothing_that_decides_can_read_an_estimate():
    allowed = {
        "markets/models/series.py",
        "markets/models/__init__.py",
        "markets/services/estimates.py",
        "markets/imputed.py",
        "markets/api.py",
        "markets/views.py",
        "markets/admin.py",
    }
    wanted = {
        "GapEstimate",
        "gap_estimates",
        "markets.services.estimates",
        "markets.imputed",
        "estimates_for",
        "estimates_shown",
    }
    readers = {
        str(path.relative_to(ROOT))
        for package in ("mystic", "markets", "signals", "trading", "notifications")
        for path in (ROOT / package).rglob("*.py")
        if "migrations" not in path.parts
        for name in names_in(path)
        if name in wanted or "gapestimate" in name.lower()
    }
    assert readers <= allowed
