"""Exports: streamed, with the source of every bar, safe for spreadsheets, and back again."""

import csv
import io

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from markets.bars import BarArrays
from markets.models import Candle, Instrument, Venue
from markets.services import exports
from markets.services.bulk import candles_bulk
from markets.services.exports import candles_export, safe_cell
from markets.services.imports import candles_import
from markets.types import Origin

pytestmark = pytest.mark.django_db(transaction=True)

START = 1_699_920_000
NAMES = ("open_time", "open", "high", "low", "close", "volume", "trades")
PATH = "/api/v1/market-data/{}/export"


@pytest.fixture
def btc(settings, monkeypatch):
    monkeypatch.setattr(exports, "PIECE_ROWS", 100)
    settings.ENV = {
        **settings.ENV,
        "BINANCE_REST_URL": "https://data-api.binance.vision",
        "BINANCE_WS_URL": "wss://data-stream.binance.vision",
    }
    venue = Venue.objects.create(code="binance", name="Binance")
    row = Instrument.objects.create(
        venue=venue, symbol="BTC/USDT", native_id="BTCUSDT", base="BTC", quote="USDT"
    )
    random = np.random.default_rng(1)
    opens, closes = 100 + random.random((2, 350))
    times = START + 60 * np.array([*range(200), *range(205, 355)], dtype=np.int64)
    highs, lows = np.maximum(opens, closes) * 1.1, np.minimum(opens, closes) / 3
    bars = BarArrays(times, opens, highs, lows, closes, random.random(350), 60, "binance")
    trades = np.arange(350) - 1
    candles_bulk(
        instrument_id=row.pk, bars=bars, origin=Origin.BACKFILL, received_at_ms=1, trades=trades
    )
    return row


def values(key):
    return list(Candle.objects.filter(instrument_id=key).order_by("open_time").values_list(*NAMES))


def export(key, form, start=0, end=2**60):
    return list(candles_export(instrument_id=key, timeframe=60, start=start, end=end, form=form))


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_what_goes_out_comes_in_again_to_the_bit(btc, form, tmp_path):
    pieces = export(btc.pk, form)
    assert len(pieces) >= 4, "one piece after another"
    path = tmp_path / f"bars.{form}"
    path.write_bytes(b"".join(pieces))
    done = candles_import(path, symbol="BTC/USDT", timeframe=60, name="again")
    assert done.stored.new == 350
    assert done.hole_count == 1
    assert values(done.instrument.pk) == values(btc.pk)


def test_every_bar_names_its_source(btc):
    text = b"".join(export(btc.pk, "csv", START, START + 120)).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["open_time"] for row in rows] == ["2023-11-14T00:00:00Z", "2023-11-14T00:01:00Z"]
    assert {(row["source"], row["origin"]) for row in rows} == {("binance", "backfill")}
    assert (rows[0]["trades"], rows[1]["trades"]) == ("", "0")
    assert float(rows[1]["close"]) == values(btc.pk)[1][4]


def test_no_cell_is_a_formula(btc):
    Candle.objects.update(source='=HYPERLINK("http://x","y")')
    text = b"".join(export(btc.pk, "csv", START, START + 60)).decode()
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["source"] == '\'=HYPERLINK("http://x","y")'
    assert [safe_cell(text) for text in ("+1", "-1", "@x", "\tx", "a,b", "plain")] == [
        "'+1", "'-1", "'@x", "'\tx", '"a,b"', "plain",
    ]  # fmt: skip


def test_the_api_streams_a_file(btc, ann, client):
    assert client.get(PATH.format("BTCUSDT")).status_code in {401, 403}
    client.force_login(ann)
    answer = client.get(PATH.format("btc-usdt"), {"from": str(START + 60), "to": str(START + 180)})
    assert answer.status_code == 200
    assert answer.streaming
    assert answer["Content-Disposition"] == 'attachment; filename="BTCUSDT-binance-1m.csv"'
    assert (answer["X-Data-Source"], answer["X-Live-Data"]) == ("binance", "false")
    assert len(b"".join(answer.streaming_content).splitlines()) == 3
    answer = client.get(PATH.format("BTCUSDT"), {"format": "parquet"})
    assert b"".join(answer.streaming_content).startswith(b"PAR1")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"format": "xls"}, "bad_format"),
        ({"from": "yesterday"}, "time_format"),
        ({"from": "1700000000", "to": "1600000000"}, "from_after_to"),
        ({"limit": "1"}, "unknown_parameter"),
    ],
)
def test_the_api_refuses_in_the_documented_shape(btc, ann, client, query, code):
    client.force_login(ann)
    answer = client.get(PATH.format("BTCUSDT"), query)
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("application/problem+json")
    assert answer.json()["code"] == code
    assert client.get(PATH.format("NOPE")).status_code == 404


@pytest.mark.asyncio
async def test_a_server_of_asynchronous_requests_gets_pieces_too(btc, ann, async_client):
    await async_client.aforce_login(ann)
    answer = await async_client.get(PATH.format("BTCUSDT"))
    assert answer.is_async
    assert len([piece async for piece in answer.streaming_content]) >= 4


def test_the_command_writes_a_file(btc, tmp_path, capsys):
    path = tmp_path / "out.csv"
    call_command("candles_export", "BTC/USDT", output=path, start="2023-11-14T01:00:00Z")
    assert len(path.read_bytes().splitlines()) == 350 - 60 + 1
    assert "out.csv is written" in capsys.readouterr().out
    for arguments, fault in (
        (("NO/NO",), "--venue names another venue"),
        (("BTC/USDT", "--venue", "import:x"), "the venue import:x has no BTC/USDT"),
        (("BTC/USDT", "--from", "x"), "--from wants ISO 8601"),
        (("BTC/USDT", "--output", "/nowhere/x.csv"), "cannot be written"),
    ):
        with pytest.raises(CommandError, match=fault):
            call_command("candles_export", *arguments)
