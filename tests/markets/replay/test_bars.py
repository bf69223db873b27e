"""Files of bars: exact bars over REST and stream, derived ticks that agree with them."""

import asyncio
import gzip
import json
from decimal import Decimal

import numpy as np
import pytest

from markets.providers.binance.rest import BinanceRest
from markets.providers.binance.stream import BinanceStream, streams_for
from markets.replay.files import ReplayFileError, describe, tape_open
from markets.replay.server import ReplayServer
from mystic.lib.http import Refused
from tests.markets.providers.conftest import Heard
from tests.markets.replay.conftest import DATA

START = 1_700_000_040
ROWS = [
    (START, 100.5, 101.25, 99.75, 100.0, 10),
    (START + 60, 100.0, 103.0, 100.0, 102.0, 0.00000007),
    (START + 120, 102.0, 102.0, 102.0, 102.0, 0),
    (START + 300, 101.0, 104.5, 100.5, 104.0, 12.5),
    (START + 360, 104.0, 104.0, 90.0, 91.0, 3.3),
]


def events(tape):
    """Return (stream, data) of all that a tape publishes."""
    for step in tape.steps():
        for stream, raw in tape.apply(step):
            yield stream.split("@", 1)[1], json.loads(raw)["data"]


def played(path, **how):
    tape = tape_open(str(path), history=how.pop("history", 0), **how)
    return list(events(tape))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "name",
    ["crypto/bitfinex_BTCUSD_1m_2019-01_2019-12.parquet", "equity/GOOG_1d_2004_2013.csv.gz"],
)
async def test_real_files_come_out_exactly_over_rest_and_stream(name):
    path = DATA / name
    if not path.exists():
        pytest.skip("the file is not here")
    tape = tape_open(str(path), history=300)
    candles = tape._candles
    heard = Heard()
    native_id, seconds = candles.native_id, candles.timeframe
    async with ReplayServer([tape], speed=50) as server:
        stream = BinanceStream(server.ws_url, streams_for([native_id], seconds), heard)
        running = asyncio.create_task(stream.run())
        rest = BinanceRest(server.rest_url)
        history = await rest.klines(native_id, seconds, None, server.clock.now_ms() // 1000)
        await heard.until(lambda: sum(k.is_closed for k in heard.klines) >= 20, timeout_s=10)
        await stream.stop()
        await running
        now_s = server.clock.now_ms() // 1000
        rows = await rest.klines(native_id, seconds, int(candles.times[250]), now_s, 500)
        await rest.aclose()
    assert len(history) == 300
    assert_equal(history, candles, 0)
    assert len(rows) >= 70
    assert_equal(rows, candles, 250)
    closed = [k for k in heard.klines if k.is_closed]
    assert_equal(closed, candles, 300)
    assert stream.counters["bad_frames"] == stream.counters["duplicates"] == 0


def assert_equal(rows, candles, first):
    """Assert that rows are the file's bars from `first` on, bit by bit."""
    part = slice(first, first + len(rows))
    assert [row.open_time for row in rows] == candles.times[part].tolist()
    values = [(row.open, row.high, row.low, row.close, row.volume) for row in rows]
    assert values == [tuple(v) for v in candles.values[part].tolist()]


def test_a_bar_goes_open_low_high_close_when_it_rose_and_the_other_way_when_it_fell(bars):
    told = [data for kind, data in played(bars(ROWS)) if kind == "trade"]
    by_minute = {}
    for data in told:
        by_minute.setdefault(data["T"] // 60_000 * 60, []).append(float(data["p"]))
    assert by_minute[START] == [100.5, 101.25, 99.75, 100.0]
    assert by_minute[START + 300] == [101.0, 100.5, 104.5, 104.0]
    assert START + 120 not in by_minute
    ids = [data["t"] for data in told]
    assert ids == sorted(set(ids))


def test_trades_add_up_to_the_volume_exactly(bars):
    for minute in (0, 1, 3, 4):
        opened = ROWS[minute][0]
        quantities = [
            Decimal(data["q"])
            for kind, data in played(bars(ROWS))
            if kind == "trade" and data["T"] // 1000 // 60 * 60 == opened
        ]
        assert sum(quantities) == Decimal(repr(float(ROWS[minute][5])))
        assert min(quantities) > 0


def test_the_bar_forms_and_closes_at_its_end_exactly(bars):
    told = [data for kind, data in played(bars(ROWS)) if kind == "kline_1m"]
    first = [d for d in told if d["k"]["t"] == START * 1000]
    assert [(d["E"] - START * 1000, d["k"]["x"]) for d in first] == [
        (0, False),
        (20_000, False),
        (40_000, False),
        (59_999, False),
        (60_000, True),
    ]
    shown = [[float(d["k"][name]) for name in "ohlcv"] for d in first]
    assert shown == [
        [100.5, 100.5, 100.5, 100.5, 2.5],
        [100.5, 101.25, 100.5, 101.25, 5.0],
        [100.5, 101.25, 99.75, 99.75, 7.5],
        [100.5, 101.25, 99.75, 100.0, 10.0],
        [100.5, 101.25, 99.75, 100.0, 10.0],
    ]
    closed = [d["k"]["t"] // 1000 for d in told if d["k"]["x"]]
    assert closed == [row[0] for row in ROWS]  # the two absent minutes stay absent


def test_quotes_are_one_tick_wide_around_the_trade_and_equal_the_book(bars):
    tape = tape_open(str(bars(ROWS)), history=0)
    book = {"b": {}, "a": {}}
    last_id = 1
    last_trade = None
    for kind, data in events(tape):
        if kind == "trade":
            last_trade = (float(data["p"]), data["m"])
        elif kind == "bookTicker":
            bid, ask = Decimal(data["b"]), Decimal(data["a"])
            assert ask - bid == tape.boards["BTCUSDT"].tick == Decimal("0.1")
            if last_trade is not None:
                price, is_sell = last_trade
                assert (float(bid) if is_sell else float(ask)) == price
            quote, last_trade = data, None
        elif kind == "depth@100ms":
            assert (data["U"], data["u"]) == (last_id + 1, last_id + 1)
            last_id = data["u"]
            for side in "ba":
                for level, quantity in data[side]:
                    book[side][level] = quantity
                    if float(quantity) == 0:
                        del book[side][level]
            assert book == {"b": {quote["b"]: quote["B"]}, "a": {quote["a"]: quote["A"]}}
            snapshot = tape.boards["BTCUSDT"].depth(5)
            assert snapshot["lastUpdateId"] == data["u"]
            assert snapshot["bids"] == [(quote["b"], quote["B"])]


def test_the_snapshot_before_the_first_change_joins_on(bars):
    tape = tape_open(str(bars(ROWS)), history=2)
    snapshot = tape.boards["BTCUSDT"].depth(5)
    first = next(data for kind, data in events(tape) if kind == "depth@100ms")
    assert first["U"] <= snapshot["lastUpdateId"] + 1 <= first["u"]
    assert float(snapshot["asks"][0][0]) == 102.0


def test_longer_bars_are_summed_and_shorter_ones_refused(bars):
    minutes = [(START + i * 60, 10 + i, 12 + i, 9, 11 + i, 1.5) for i in range(23)]
    tape = tape_open(str(bars(minutes)), history=20)
    board = tape.boards["BTCUSDT"]
    rows = board.klines(300, None, None, 100, tape.start_ms)
    whole = next(m for m in minutes if m[0] % 300 == 0)
    first = minutes.index(whole)
    own = minutes[first : first + 5]
    assert rows[0][0] == own[0][0] * 1000
    assert [float(x) for x in rows[0][1:6]] == [own[0][1], own[-1][2], 9, own[-1][4], 7.5]
    assert rows[0][6] == own[0][0] * 1000 + 299_999
    assert board.klines(1, None, None, 100, 0) is None
    limited = board.klines(300, rows[1][0], rows[2][0], 1, 0)
    assert limited == rows[1:2]


@pytest.mark.asyncio
async def test_what_is_not_played_yet_is_not_known(bars):
    rows = [(START + i * 60, 10, 11, 9, 10, 1) for i in range(100)]
    tape = tape_open(str(bars(rows)))
    async with ReplayServer([tape]) as server:
        rest = BinanceRest(server.rest_url)
        known = await rest.klines("BTCUSDT", 60)
        assert [row.open_time for row in known] == [row[0] for row in rows[:60]]
        assert await rest.server_time() == rows[60][0] * 1000
        assert await rest.klines("BTCUSDT", 60, rows[60][0]) == []
        with pytest.raises(Refused, match="-1120"):
            await rest.klines("BTCUSDT", 1)
        await rest.aclose()


def test_history_is_three_fifths_at_most_two_thousand_or_as_told(bars):
    rows = [(START + i * 60, 10, 11, 9, 10, 1) for i in range(5000)]
    path = bars(rows)

    def split(**how):
        tape = tape_open(str(path), **how)
        return len(tape.boards["BTCUSDT"].klines(60, 0, None, 9999, 0)), tape.start_ms // 1000

    assert split() == (2000, rows[2000][0])
    assert split(history=10) == (10, rows[10][0])
    assert split(start="2023-11-15T00:00:00") == (106, 1_700_006_400)
    assert split(start="2023-11-15", history=6) == (6, 1_700_006_400)
    with pytest.raises(ReplayFileError, match="ends before"):
        split(start="2030-01-01")
    with pytest.raises(ReplayFileError, match="not a date"):
        split(start="soon")
    with pytest.raises(ReplayFileError, match="5000 bars"):
        split(history=5000)


@pytest.mark.parametrize(
    ("name", "header", "times"),
    [
        ("BTCUSDT.csv", "ts,open,high,low,close,volume", [1_700_000_040_000, 1_700_000_100_000]),
        ("BTCUSDT.csv", "Time,Open,High,Low,Close,Volume", [START, START + 60]),
        ("x.csv", "date,open,high,low,close,volume", ["2023-11-14", "2023-11-15"]),
        ("x.csv", "date,open,high,low,close,volume", ["20231114", "20231115"]),
        (
            "x.csv",
            "time,open,high,low,close,volume",
            ["2023-11-14 22:14:00", "2023-11-14 22:15:00"],
        ),
        (
            "x.csv",
            "Date,open,high,low,close,volume",
            ["2023.11.14 22:14:00", "2023.11.14 22:15:00"],
        ),
        (
            "x.csv",
            "ts,open,high,low,close,volume",
            ["2023-11-14T22:14:00Z", "2023-11-14T22:15:00Z"],
        ),
        ("x.csv", "\ufeffts,open,high,low,close,volume", [START, START + 60]),
    ],
    ids=["ms", "s", "date", "digits", "blank", "dots", "iso", "bom"],
)
def test_times_in_every_usual_form(bars, name, header, times):
    path = bars([(t, 1, 2, 1, 2, 3) for t in times], name, header)
    tape = tape_open(str(path), history=0)
    seconds = np.diff(tape._candles.times)[0]
    assert seconds in {60, 86400}
    expected = START if seconds == 60 else 1_699_920_000
    assert tape.start_ms == expected * 1000


def test_a_gzipped_file_is_read(bars, tmp_path):
    packed = tmp_path / "ETHUSDT_1m.csv.gz"
    packed.write_bytes(gzip.compress(bars(ROWS).read_bytes()))
    told = describe(str(packed))
    assert (told.symbols, told.timeframe, told.quote) == (("ETH/USDT",), "1m", "USDT")


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("BTCUSDT_1m.csv", "BTC/USDT"),
        ("bitfinex_ETHUSD_1m_2019.csv", "ETH/USD"),
        ("GOOG_1d.csv", "GOOG/USD"),
        ("bars.csv", "BARS/USD"),
    ],
)
def test_the_symbol_is_taken_from_the_name_unless_told(bars, name, symbol):
    path = bars(ROWS, name)
    assert describe(str(path)).symbols == (symbol,)
    assert describe(str(path), symbol="sol/usdc").symbols == ("SOL/USDC",)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "fewer than two bars"),
        (ROWS[:1], "fewer than two bars"),
        ([*ROWS, (START + 420, 1, 0.5, 1, 1, 1)], "1 impossible bars .* 2023-11-14T22:21:00"),
        ([*ROWS, (START + 420, 1, 1, 1, 1, -1)], "impossible"),
        ([*ROWS, (START + 420, 1, "nan", 1, 1, 1)], "impossible"),
        ([*ROWS, (START + 420, 1, "1e309", 1, 1, 1)], "impossible"),
        ([*ROWS, ROWS[-1]], "must ascend"),
        ([*ROWS, ROWS[0]], "must ascend"),
        ([*ROWS, (START + 421, 1, 1, 1, 1, 1)], "not the start of a 1m bar"),
        ([*ROWS, (START + 420, "=HYPERLINK()", 1, 1, 1, 1)], "line 7 is not a bar"),
        ([*ROWS, (START + 420, 1)], "line 7 is not a bar"),
        ([("yesterday", 1, 1, 1, 1, 1)], "line 2 .* neither epoch seconds"),
        ([(START, 1, 1, 1, 1, 1), (START + 7, 1, 1, 1, 1, 1)], "7 s apart"),
    ],
    ids=str,
)
def test_a_file_that_cannot_be_true_is_refused_whole(bars, rows, message):
    with pytest.raises(ReplayFileError, match=message):
        tape_open(str(bars(rows)))


def test_other_refusals_are_sentences(bars, tmp_path):
    for path, message in (
        (tmp_path / "none.csv", "there is no file"),
        (bars(ROWS, "a.csv", "ts,open,high,low,close"), "wants a header"),
        (bars([], "b.csv", ""), "wants a header"),
    ):
        with pytest.raises(ReplayFileError, match=message):
            tape_open(str(path))
    broken = tmp_path / "broken.csv.gz"
    broken.write_bytes(b"\x1f\x8bnot gzip at all")
    with pytest.raises(ReplayFileError, match="cannot be read"):
        tape_open(str(broken))
    with pytest.raises(ReplayFileError, match="not a symbol"):
        tape_open(str(bars(ROWS)), symbol="BTCUSDT")
    with pytest.raises(ReplayFileError, match="not one of 1s, 1m"):
        tape_open(str(bars(ROWS)), timeframe="7m")


def test_the_files_that_binance_publishes_have_no_header():
    path = DATA / "formats" / "binance_vision_klines_ADABTC_1m.csv"
    if not path.exists():
        pytest.skip("the file is not here")
    tape = tape_open(str(path), history=0)
    assert tape.describe().symbols == ("ADA/BTC",)
    closed = [d["k"] for kind, d in events(tape) if kind == "kline_1m" and d["k"]["x"]]
    rows = [line.split(",") for line in path.read_text().split()]
    assert [(k["t"], k["T"]) for k in closed] == [(int(r[0]), int(r[6])) for r in rows]
    shown = [[Decimal(k[name]) for name in "ohlcv"] for k in closed]
    assert shown == [[Decimal(text) for text in row[1:6]] for row in rows]


def test_a_file_with_many_symbols_wants_one_named():
    path = DATA / "crypto" / "freqtrade_10pairs_BTC_5m_2018-01.parquet"
    if not path.exists():
        pytest.skip("the file is not here")
    with pytest.raises(ReplayFileError, match="choose one with --symbol"):
        tape_open(str(path))
    assert describe(str(path), symbol="ADA/BTC").symbols == ("ADA/BTC",)
    with pytest.raises(ReplayFileError, match="ADABTC"):
        tape_open(str(path), symbol="BTC/USDT")


def test_the_named_source_says_what_is_missing_or_plays():
    try:
        import arch  # noqa: F401
    except ImportError:
        with pytest.raises(ReplayFileError, match=r"pip install -r requirements-replay\.txt"):
            tape_open("sp500")
        return
    told = describe("sp500")
    assert (told.symbols, told.timeframe, told.quote) == (("SPX/USD",), "1d", "USD")
