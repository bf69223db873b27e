"""Years of bars by the command: page by page, on after a kill, holes on record, live untouched."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from markets import series
from markets.models import Candle, CandleBlock, Gap, Instrument, StreamLease
from markets.selectors import bars_load
from markets.streaming import deep
from tests.servers import BinanceServer, in_thread, kline_row

pytestmark = pytest.mark.django_db(transaction=True)

BEGIN = 1_723_161_600  # a midnight
MINUTE = 60
PRICES = ("100.0", "102.0", "99.0", "101.0")


@pytest.fixture
def binance(settings):
    with in_thread(BinanceServer()) as server:
        server.add_symbol("BTC", "USDT")
        server.add_symbol("ETH", "USDT")
        settings.ENV = {
            **settings.ENV,
            "BINANCE_REST_URL": server.rest_url,
            "BINANCE_WS_URL": server.ws_url,
        }
        series._remembered.clear()
        yield server


def fill(server, minutes, symbol="BTCUSDT"):
    rows = [kline_row((BEGIN + MINUTE * n) * 1000, PRICES) for n in minutes]
    server.rows[symbol, "1m"] = rows
    days = sorted({(BEGIN + MINUTE * n) // 86_400 * 86_400 for n in minutes})
    server.rows[symbol, "1d"] = [[*kline_row(d * 1000, PRICES)[:6], (d + 86_400) * 1000 - 1,
                                  *kline_row(d * 1000, PRICES)[7:]] for d in days]  # fmt: skip
    server.time_ms = max(server.time_ms, (BEGIN + MINUTE * (max(minutes) + 1)) * 1000 + 1)


def run(**options):
    options = {"symbols": ["BTC/USDT"], "since": "2024-08-09", "within": 60.0, **options}
    call_command("backfill", **options)


def stored(symbol="BTC/USDT"):
    key = Instrument.objects.get(symbol=symbol).pk
    times = Candle.objects.filter(instrument_id=key).order_by("open_time")
    return [(t - BEGIN) // MINUTE for t in times.values_list("open_time", flat=True)]


def gaps(state):
    rows = Gap.objects.filter(state=state).order_by("start").values_list("start", "end")
    return [((a - BEGIN) // MINUTE, (b - BEGIN) // MINUTE) for a, b in rows]


def test_all_that_is_missing_is_fetched_and_packed(binance, capsys):
    fill(binance, range(3500))
    fill(binance, range(1200), "ETHUSDT")
    run(symbols=["BTC/USDT,eth/usdt"])
    assert stored() == list(range(3500))
    assert stored("ETH/USDT") == list(range(1200))
    assert gaps("absent") == [(1200, 3500)]
    assert gaps("open") == []
    assert CandleBlock.objects.count() == 2
    assert set(Candle.objects.values_list("origin", "source")) == {("backfill", "replay:binance")}
    said = capsys.readouterr().out
    assert "BTC/USDT     [####################] 100.0 %        3,500 bars" in said
    assert "4,700 bars in " in said
    assert not Instrument.objects.filter(is_watched=True).exists()
    assert not StreamLease.objects.exists(), "the streamer's lease is not touched"


def test_another_run_asks_only_for_what_is_missing(binance):
    fill(binance, range(2500))
    run(since=str(BEGIN + 1000 * MINUTE), until=str(BEGIN + 2000 * MINUTE))
    assert stored() == list(range(1000, 2000))
    asked = len(binance.asked("/api/v3/klines"))
    run(since=str(BEGIN + 1000 * MINUTE), until=str(BEGIN + 2000 * MINUTE))
    assert len(binance.asked("/api/v3/klines")) == asked
    run()
    assert stored() == list(range(2500))
    assert len(binance.asked("/api/v3/klines")) == asked + 2


def test_holes_of_the_venue_are_on_record_and_long_ones_are_skipped(binance):
    fill(binance, [*range(100), *range(130, 200), *range(20 * 1440, 20 * 1440 + 500)])
    run(since="2024-01-01")
    before = (1_704_067_200 - BEGIN) // MINUTE
    assert gaps("absent") == [(before, 0), (100, 130), (200, 20 * 1440)]
    assert len(stored()) == 670
    minutes = [a for a in binance.asked("/api/v3/klines") if a.value("interval") == "1m"]
    assert len(minutes) < 15, "half a year without bars was asked page by page"


def test_bars_beyond_a_hole_are_not_read_as_one_series(binance):
    fill(binance, range(5000))
    run(since=str(BEGIN + 4000 * MINUTE))
    run(since=str(BEGIN), until=str(BEGIN + 500 * MINUTE))
    assert gaps("open") == [(500, 4000)]
    key = Instrument.objects.get(symbol="BTC/USDT").pk
    assert len(bars_load(key, MINUTE, limit=9999)) == 1000
    assert len(bars_load(key, MINUTE, limit=9999, end=BEGIN + 500 * MINUTE)) == 500
    run()
    assert gaps("open") == []
    assert len(bars_load(key, MINUTE, limit=9999)) == 5000


def test_an_impossible_bar_is_left_out(binance):
    fill(binance, range(50))
    binance.rows["BTCUSDT", "1m"][7] = kline_row((BEGIN + 7 * MINUTE) * 1000, PRICES)
    rows = [deep.CandleRow(BEGIN + MINUTE * n, 1.0, 2.0, 0.5, 1.5, 1.0) for n in range(5)]
    rows[2] = deep.CandleRow(BEGIN + 120, 1.0, 0.5, 2.0, 1.5, 1.0)
    work = deep.DeepBackfill(rest=None, source="x", timeframe=60, page=1000, writer=None)
    bars, trades = work._possible(rows)
    assert [(t - BEGIN) // 60 for t in bars.open_time.tolist()] == [0, 1, 3, 4]
    assert len(trades) == 4


def test_a_fault_ends_one_pair_and_says_how_to_go_on(binance, monkeypatch):
    monkeypatch.setattr(deep, "MOST_TRIES", 1)
    fill(binance, range(500))
    binance.fail("/api/v3/klines", status=400, body=b'{"code":-1100,"msg":"no"}')
    with pytest.raises(CommandError, match="run it again to go on; BTC/USDT"):
        run()
    binance.mend()
    run()
    assert stored() == list(range(500))


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"symbols": ["XX/YY"]}, "replay:binance does not know XX/YY"),
        ({"source": "coinbase"}, "coinbase is off: COINBASE_REST_URL is switched off"),
        ({"since": "yesterday"}, "--since wants ISO 8601"),
        ({"since": "2024-08-09", "until": "2024-08-01"}, "--since must lie before --until"),
        ({"days": 0}, "--days wants a whole number"),
    ],
)
def test_what_cannot_be_done_is_said(binance, settings, options, fault):
    settings.ENV = {**settings.ENV, "COINBASE_REST_URL": "", "COINBASE_WS_URL": ""}
    fill(binance, range(10))
    with pytest.raises(CommandError, match=fault):
        run(**options)


KILLED = """
import os, signal
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = {database!r}
settings.ENV |= {{"BINANCE_REST_URL": {rest!r}, "BINANCE_WS_URL": {ws!r}}}
django.setup()
from django.core.management import call_command
from markets.streaming import deep
real, calls = deep.candles_bulk, []
def killing(**how):
    done = real(**how)
    calls.append(how)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return done
deep.candles_bulk = killing
call_command("backfill", symbols=["BTC/USDT"], since="2024-08-09", within=60.0)
"""


def test_a_killed_back_fill_goes_on(binance):
    fill(binance, range(4600))
    name = str(connection.settings_dict["NAME"])
    program = KILLED.format(database=name, rest=binance.rest_url, ws=binance.ws_url)
    killed = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "mystic.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert stored() == list(range(2600, 4600)), "two pages are whole, the third is not there"
    asked = len(binance.asked("/api/v3/klines"))
    run()
    assert stored() == list(range(4600))
    assert len(binance.asked("/api/v3/klines")) == asked + 3
    key = Instrument.objects.get(symbol="BTC/USDT").pk
    assert len(bars_load(key, MINUTE, limit=9999)) == 4600
