"""Faults of market data through a proxy: what is kept, what people see, how it heals."""

import asyncio
import ssl
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.test import Client

from markets.models import Candle, Instrument, Quarantined, SourceState
from markets.providers.binance.rest import BinanceRest
from markets.providers.binance.stream import BinanceStream
from markets.quotes import store
from markets.services.quarantine import quarantine
from markets.streaming import Streamer
from markets.streaming import session as session_module
from mystic.lib.http import HttpClient, Insecure, Unreachable
from tests.fault_proxy import FaultProxy, Toll
from tests.markets.providers.conftest import QUICK, Heard
from tests.markets.scripted import until
from tests.servers import (
    BinanceServer,
    depth_data,
    in_thread,
    kline_data,
    kline_row,
    quote_data,
    trade_data,
)

BEGIN_MS = 1_723_161_600_000
PRICES = ("100.0", "102.0", "99.0", "101.0")


class Venue(BinanceServer):
    """Binance behind a proxy: its addresses are the proxy's."""

    async def __aenter__(self):
        await super().__aenter__()
        self.proxy = await FaultProxy(self.port).__aenter__()
        return self

    async def __aexit__(self, *fault):
        await self.proxy.__aexit__(*fault)
        await super().__aexit__(*fault)

    def grow(self, minutes):
        rows = self.rows.setdefault(("BTCUSDT", "1m"), [])
        rows += [kline_row(BEGIN_MS + (len(rows) + n) * 60_000, PRICES) for n in range(minutes)]
        self.time_ms = BEGIN_MS + len(rows) * 60_000 + 1

    def hurt(self, work):
        """Change the proxy on its own loop."""

        async def change():
            work(self.proxy)

        self.call(change())

    def tell(self, kind, data):
        self.call(self.publish(f"btcusdt@{kind}", data))

    def quote(self, number, bid):
        self.tell("bookTicker", quote_data("BTCUSDT", number, bid, "100.5"))


@pytest.fixture
def venue():
    with in_thread(Venue()) as server:
        server.add_symbol("BTC", "USDT")
        server.books["BTCUSDT"] = {"lastUpdateId": 1, "bids": [["99", "1"]], "asks": [["101", "1"]]}
        server.grow(5)
        yield server


@contextmanager
def streaming(settings, venue):
    quarantine.forget()
    settings.ENV = {
        **settings.ENV,
        "MYSTIC_SYMBOLS": ["BTC/USDT"],
        "MYSTIC_HISTORY_DAYS": 1,
        "BINANCE_REST_URL": venue.proxy.rest_url,
        "BINANCE_WS_URL": venue.proxy.ws_url,
        "COINBASE_REST_URL": "",
        "COINBASE_WS_URL": "",
    }
    one = Streamer()
    one.start()
    try:
        venue.call(venue.until_subscribed(1, 15.0), 16.0)
        yield one
    finally:
        one.stop()


def quoted(venue, number, bid):
    """Tell a quote again and again until it is known; its connection may just be beginning."""

    def ask():
        venue.quote(number, bid)
        row = Instrument.objects.filter(native_id="BTCUSDT").first()
        found = row and store.latest(row.pk)
        return found if found and found.bid == float(bid) else None

    return until(ask, within=15, say=f"the quote {bid} did not arrive")


def state(name):
    return SourceState.objects.filter(source=f"replay:binance:{name}").first()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["cut", "reset_peer"])
def test_a_cut_is_shown_counted_and_healed_with_a_whole_series(settings, venue, how):
    with streaming(settings, venue):
        quoted(venue, 1, "99.5")
        until(lambda: Candle.objects.count() == 5)
        venue.hurt(lambda proxy: getattr(proxy, how)())
        venue.grow(2)
        quoted(venue, 2, "99.6")
        venue.grow(1)
        last = kline_data("BTCUSDT", BEGIN_MS + 7 * 60_000, PRICES, is_closed=True)
        venue.tell("kline_1m", last)
        until(lambda: Candle.objects.count() == 8, within=15)
        until(lambda: state("stream").counters.get("reconnects") == 1)
        until(lambda: state("stream").state == "live")


@pytest.mark.django_db(transaction=True)
def test_a_frame_that_is_no_frame_is_kept_and_the_next_one_counts(settings, venue, monkeypatch):
    monkeypatch.setattr(session_module, "QUARANTINE_EVERY_S", 0.2)
    with streaming(settings, venue):
        quoted(venue, 1, "99.5")
        count = Candle.objects.count()
        until(lambda: Candle.objects.count() == 5)
        venue.call(venue.send_all(b'{"stream":"btcusdt@trade","data":{"e":"tr\xff'))
        data = kline_data("BTCUSDT", BEGIN_MS, ("1", "0.5", "2", "1"), is_closed=True)
        venue.tell("kline_1m", data | {"apiKey": "s3cret"})
        quoted(venue, 2, "99.6")
        until(lambda: Quarantined.objects.filter(kind="frame").count() == 2, within=15)
        until(lambda: state("stream").counters.get("bad_frames") == 2)
        rows = {row.reason: row for row in Quarantined.objects.filter(kind="frame")}
        assert set(rows) == {"unreadable", "impossible_bar"}
        assert all(len(row.sample) <= 210 and row.sample for row in rows.values())
        assert "s3cret" not in rows["impossible_bar"].sample
        assert Candle.objects.count() == 5 >= count
        assert state("stream").counters.get("reconnects") == 0


@pytest.mark.django_db(transaction=True)
def test_with_every_source_away_pages_and_api_say_how_old_the_last_word_is(settings, venue):
    with streaming(settings, venue):
        quoted(venue, 1, "99.5")
        venue.hurt(lambda proxy: proxy.down())
        until(lambda: state("stream").state in {"stale", "down", "connecting"}, within=15)
        until(lambda: state("stream").detail, within=15)
        client = Client()
        body = client.get("/api/coinstate").json()
        assert body["live_data"] is False
        (row,) = body["data"]
        assert (row["symbol"], row["bid"]) == ("BTC/USDT", 99.5)
        assert row["source"] == "replay:binance"
        venue.hurt(lambda proxy: proxy.mend())
        quoted(venue, 2, "99.6")
        until(lambda: state("stream").state == "live")


def depth(venue, first, last, bids):
    data = depth_data("BTCUSDT", first, last, bids=bids, at_ms=venue.time_ms)
    venue.tell("depth@100ms", data)


def book_of(venue, number):
    """Send the next change until the book is shown; return the book and the number after it."""
    numbers = iter(range(number, number + 10_000))
    row = Instrument.objects.get(native_id="BTCUSDT")

    def ask():
        at = next(numbers)
        depth(venue, at, at, [["98.5", "1"]])
        return store.book(row.pk)

    return until(ask, within=15, say="there is no book"), next(numbers)


@pytest.mark.django_db(transaction=True)
def test_a_snapshot_that_is_too_old_is_asked_for_again_until_one_joins(settings, venue):
    with streaming(settings, venue):
        quoted(venue, 1, "99.5")
        depth(venue, 50, 51, [["98", "1"]])
        until(lambda: len(venue.asked("/api/v3/depth")) >= 2, within=15)
        row = Instrument.objects.get(native_id="BTCUSDT")
        assert store.book(row.pk) is None
        venue.books["BTCUSDT"]["lastUpdateId"] = 51
        book, _ = book_of(venue, 52)
        assert book.asks[0] == (101.0, 1.0)
        assert (98.0, 1.0) not in book.bids, "the snapshot holds what came before it"


@pytest.mark.django_db(transaction=True)
def test_a_crossed_book_is_gone_and_comes_back(settings, venue):
    with streaming(settings, venue):
        quoted(venue, 1, "99.5")
        _, number = book_of(venue, 2)
        asked = len(venue.asked("/api/v3/depth"))
        row = Instrument.objects.get(native_id="BTCUSDT")
        depth(venue, number, number, [["150", "1"]])
        until(lambda: store.book(row.pk) is None, within=15)
        venue.books["BTCUSDT"]["lastUpdateId"] = number
        book, _ = book_of(venue, number + 1)
        assert book.bids[0][0] < book.asks[0][0]
        assert len(venue.asked("/api/v3/depth")) > asked
        until(lambda: state("stream").counters.get("book_resyncs", 0) >= 1)


async def live(venue, heard, number=1):
    """Send a trade until it is heard."""
    async with asyncio.timeout(10):
        while not any(trade.trade_id == number for trade in heard.trades):
            await venue.publish("btcusdt@trade", trade_data("BTCUSDT", number, "100.0"))
            await asyncio.sleep(0.03)


async def run_stream(venue, work, limits=QUICK):
    """Run a quick stream through the proxy while `work(heard, stream)` does its part."""
    heard = Heard()
    stream = BinanceStream(venue.proxy.ws_url, ("btcusdt@trade",), heard, limits=limits)
    running = asyncio.create_task(stream.run())
    try:
        await live(venue, heard)
        await work(heard, stream)
    finally:
        await stream.stop()
        await running


@pytest.mark.asyncio
async def test_a_hole_in_the_network_is_noticed_and_healed():
    async def work(heard, stream):
        venue.proxy.hole()
        await heard.until(lambda: any(s == "stale" for s, _ in heard.states), 10)
        reason = next(reason for one, reason in heard.states if one == "stale")
        assert reason.startswith("no data for 0.4 s")
        venue.proxy.mend()
        await live(venue, heard, 2)
        assert str(stream.state) == "live"

    async with Venue() as venue:
        await run_stream(venue, work)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "toll",
    [Toll(latency_s=0.05), Toll(slice_bytes=1), Toll(slice_bytes=7, rate=20_000)],
    ids=["latency", "byte by byte", "bandwidth"],
)
async def test_a_slow_line_only_delays(toll):
    async def work(heard, stream):
        venue.proxy.toll = toll
        for number in range(2, 6):
            await live(venue, heard, number)
        assert stream.counters["bad_frames"] == 0
        assert stream.counters["reconnects"] == 0

    async with Venue() as venue:
        await run_stream(venue, work, replace(QUICK, silence_s=20.0))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "toll",
    [Toll(garbage=b"\xff\xfe\x00garbage" * 20), Toll(limit_data=10)],
    ids=["garbage", "data ends"],
)
async def test_bytes_that_break_the_protocol_end_only_the_connection(toll):
    async def work(heard, stream):
        venue.proxy.toll = toll
        await venue.publish("btcusdt@trade", trade_data("BTCUSDT", 2, "100.0"))
        await heard.until(lambda: any(s == "stale" for s, _ in heard.states), 10)
        venue.proxy.mend()
        await live(venue, heard, 3)
        assert stream.counters["reconnects"] >= 1
        assert [trade.price for trade in heard.trades] == [100.0] * len(heard.trades)

    async with Venue() as venue:
        await run_stream(venue, work)


@pytest.mark.asyncio
async def test_a_body_that_is_cut_on_the_way_is_no_answer():
    async with Venue() as venue:
        venue.grow(5)
        rest = BinanceRest(
            venue.proxy.rest_url, client=HttpClient(venue.proxy.rest_url, backoff_base_s=0.01)
        )
        venue.proxy.toll = Toll(limit_data=300)
        with pytest.raises(Unreachable):
            await rest.klines("BTCUSDT", 60, BEGIN_MS // 1000)
        venue.proxy.mend()
        assert len(await rest.klines("BTCUSDT", 60, BEGIN_MS // 1000)) == 5
        await rest.aclose()


@pytest.fixture
def certificate(tmp_path):
    """Make a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    build = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    build = build.public_key(key.public_key()).not_valid_before(begin)
    made = build.not_valid_after(begin + timedelta(days=36_500)).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path / "server.pem"
    path.write_bytes(key.private_bytes(pem, *form) + made.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.mark.asyncio
async def test_a_stream_whose_certificate_is_not_valid_is_flagged_and_told_nothing(certificate):
    reached = []

    async def serve(reader, writer):
        reached.append(await reader.read(1))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=certificate)
    port = server.sockets[0].getsockname()[1]
    heard = Heard()
    stream = BinanceStream(f"wss://127.0.0.1:{port}", ("btcusdt@trade",), heard, limits=QUICK)
    async with server:
        running = asyncio.create_task(stream.run())
        await heard.until(lambda: any(one == "down" for one, _ in heard.states), 20)
        await stream.stop()
        await running
        reasons = [reason for one, reason in heard.states if one == "down"]
        assert reasons[0].startswith("no valid certificate")
        rest = BinanceRest(f"https://127.0.0.1:{port}")
        with pytest.raises(Insecure, match="no valid certificate"):
            await rest.server_time()
        await rest.aclose()
    assert reached == []


# The resolver refuses this name by itself, so that no question leaves this machine.
UNKNOWN = "[::1%25nosuch]:9"


@pytest.mark.asyncio
async def test_a_name_that_is_not_known_is_unreachable_and_asked_with_a_back_off():
    heard = Heard()
    stream = BinanceStream(f"ws://{UNKNOWN}", ("btcusdt@trade",), heard, limits=QUICK)
    begun = time.monotonic()
    running = asyncio.create_task(stream.run())
    await heard.until(lambda: any(one == "down" for one, _ in heard.states), 20)
    await stream.stop()
    await running
    assert time.monotonic() - begun >= QUICK.backoff_base_s
    reason = next(reason for one, reason in heard.states if one == "down")
    assert reason.startswith("cannot connect: gaierror; again in")
    url = f"http://{UNKNOWN}"
    rest = BinanceRest(url, client=HttpClient(url, backoff_base_s=0.01))
    with pytest.raises(Unreachable, match="ConnectError"):
        await rest.server_time()
    await rest.aclose()
