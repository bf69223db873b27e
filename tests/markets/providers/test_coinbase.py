"""Coinbase: its REST and its market feed, from recorded payloads."""

import asyncio
import base64
import json
from dataclasses import replace
from decimal import Decimal

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from markets.providers.base import Status
from markets.providers.coinbase.decode import FrameError, decode
from markets.providers.coinbase.jwt import Key, KeyFormatError
from markets.providers.coinbase.rest import CoinbaseRest
from markets.providers.coinbase.stream import CoinbaseStream
from mystic.lib.http import HttpClient, Malformed, RateLimited, Refused
from tests.markets.providers.conftest import QUICK

NOW = 1_723_161_600
PRODUCT = {
    "product_id": "BTC-USDT",
    "price": "68923.67",
    "base_increment": "0.00000001",
    "quote_increment": "0.01",
    "quote_min_size": "1",
    "base_min_size": "0.0001",
    "price_increment": "0.01",
    "status": "online",
    "base_currency_id": "BTC",
    "quote_currency_id": "USDT",
}
TICKER = {
    "type": "ticker",
    "product_id": "BTC-USDT",
    "price": "68900.50",
    "volume_24_h": "15328.12345678",
    "best_bid": "68900.00",
    "best_bid_quantity": "1.50000000",
    "best_ask": "68901.00",
    "best_ask_quantity": "0.50000000",
}


def trade(trade_id, side="BUY"):
    return {
        "trade_id": str(trade_id),
        "product_id": "BTC-USDT",
        "price": "68900.50",
        "size": "0.0015",
        "side": side,
        "time": "2026-04-07T14:30:02.789012Z",
    }


def candle(start, low="1", high="4", opening="2", close="3"):
    names = ("start", "low", "high", "open", "close", "volume")
    return dict(zip(names, (str(start), low, high, opening, close, "7.5"), strict=True))


@pytest_asyncio.fixture
async def rest(coinbase):
    it = CoinbaseRest(coinbase.rest_url, client=HttpClient(coinbase.rest_url, backoff_base_s=0.01))
    yield it
    await it.aclose()


@pytest.mark.asyncio
async def test_bars_come_oldest_first_and_the_running_one_is_dropped(rest, coinbase):
    coinbase.time_ms = NOW * 1000 + 30_000
    starts = [NOW - 180, NOW - 120, NOW]  # one bucket had no trade and is missing
    coinbase.candles["BTC-USDT"] = [candle(start) for start in starts]
    rows = await rest.klines("BTC-USDT", 60)
    assert [row.open_time for row in rows] == starts[:2]
    row = rows[0]
    assert (row.open, row.high, row.low, row.close, row.volume) == (2.0, 4.0, 1.0, 3.0, 7.5)
    assert row.trades == -1
    asked = coinbase.asked("/market/products/BTC-USDT/candles")[0]
    assert asked.value("granularity") == "ONE_MINUTE"
    assert int(asked.value("end")) - int(asked.value("start")) == 300 * 60


@pytest.mark.asyncio
async def test_a_range_is_half_open_and_three_hundred_bars_at_most(rest, coinbase):
    coinbase.time_ms = NOW * 1000
    coinbase.candles["BTC-USDT"] = [candle(NOW - i * 60) for i in range(1000)]
    start = NOW - 600 * 60
    rows = await rest.klines("BTC-USDT", 60, start, NOW)
    assert [row.open_time for row in rows] == [start + i * 60 for i in range(300)]
    rows = await rest.klines("BTC-USDT", 60, start, start + 120)
    assert [row.open_time for row in rows] == [start, start + 60]
    assert await rest.klines("BTC-USDT", 60, NOW, NOW + 600) == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "bad", [candle(NOW - 60, low="3"), candle(NOW - 61), candle(NOW - 60, high="nan")]
)
async def test_an_impossible_bar_condemns_the_answer(rest, coinbase, bad):
    coinbase.time_ms = NOW * 1000
    coinbase.candles["BTC-USDT"] = [bad]
    with pytest.raises(Malformed):
        await rest.klines("BTC-USDT", 60)


@pytest.mark.asyncio
async def test_a_timeframe_it_does_not_have(rest, coinbase):
    with pytest.raises(Refused, match="no bars of 14400 s"):
        await rest.klines("BTC-USDT", 14400)
    assert coinbase.requests == []


@pytest.mark.asyncio
async def test_rules_and_prices(rest, coinbase):
    coinbase.products["BTC-USDT"] = PRODUCT
    coinbase.products["ETH-USDT"] = PRODUCT | {"product_id": "ETH-USDT", "cancel_only": True}
    specs = await rest.exchange_info(["BTC-USDT", "ETH-USDT", "NOPE-USDT"])
    assert [spec.native_id for spec in specs] == ["BTC-USDT", "ETH-USDT"]
    spec = specs[0]
    assert (spec.symbol, spec.status) == ("BTC/USDT", Status.TRADING)
    assert specs[1].status is Status.HALTED
    assert Decimal(spec.tick).scaleb(-spec.price_scale) == Decimal("0.01")
    assert Decimal(spec.step).scaleb(-spec.base_scale) == Decimal("0.00000001")
    assert Decimal(spec.min_quantity).scaleb(-spec.base_scale) == Decimal("0.0001")
    assert Decimal(spec.min_notional).scaleb(-spec.quote_scale) == 1
    told = {"trades": [{"price": "68923.67"}], "best_bid": "68923.66", "best_ask": ""}
    coinbase.tickers["BTC-USDT"] = told
    (ticker,) = await rest.tickers(["BTC-USDT"])
    assert (ticker.last, ticker.bid, ticker.ask) == (68923.67, 68923.66, None)


@pytest.mark.asyncio
async def test_dollars_and_tether_are_different_quotes(rest):
    assert rest.native_id("BTC/USDT") == "BTC-USDT"
    assert rest.native_id("BTC/USD") == "BTC-USD"


@pytest.mark.asyncio
async def test_429_without_a_hint_still_silences_the_venue(rest, coinbase):
    body = b'{"errors":[{"id":"rate_limit_exceeded","message":"Too many requests"}]}'
    coinbase.fail("/time", status=429, body=body, times=1)
    with pytest.raises(RateLimited):
        await rest.server_time()
    with pytest.raises(RateLimited):
        await rest.exchange_info(["BTC-USDT"])
    assert len(coinbase.requests) == 1


@pytest.fixture
def feed(coinbase, heard, start):
    def make(limits=QUICK):
        return start(CoinbaseStream(coinbase.ws_url, ["BTC-USDT"], heard, limits=limits))

    return make


async def until_told(coinbase, client=1, messages=4):
    await coinbase.until_clients(client)
    it = coinbase.clients[client - 1]
    await coinbase.until(lambda: len(it.told) >= messages)
    return it


@pytest.mark.asyncio
async def test_the_feed_subscribes_to_heartbeats_first_and_gives_quotes_and_trades(
    coinbase, heard, feed
):
    it = feed()
    client = await until_told(coinbase)
    assert client.told == [
        {"type": "subscribe", "channel": "heartbeats"},
        {"type": "subscribe", "channel": "ticker", "product_ids": ["BTC-USDT"]},
        {"type": "subscribe", "channel": "market_trades", "product_ids": ["BTC-USDT"]},
        {"type": "subscribe", "channel": "level2", "product_ids": ["BTC-USDT"]},
    ]
    old = [{"type": "snapshot", "trades": [trade(7), trade(6)]}]
    await coinbase.send_channel("market_trades", old)
    await coinbase.send_channel("ticker", [{"type": "snapshot", "tickers": [TICKER]}])
    new = [{"type": "update", "trades": [trade(9, "SELL"), trade(8)]}]
    await coinbase.send_channel("market_trades", new)
    await coinbase.send_channel("market_trades", new)
    await heard.until(lambda: len(heard.trades) == 2 and it.counters["duplicates"] == 2)
    quote = heard.quotes[0]
    assert (quote.native_id, quote.bid, quote.ask) == ("BTC-USDT", 68900.0, 68901.0)
    assert (quote.bid_size, quote.ask_size, quote.last) == (1.5, 0.5, 68900.5)
    assert quote.event_ms == 1775572203123
    assert [(t.trade_id, t.is_sell) for t in heard.trades] == [(8, False), (9, True)]
    assert heard.trades[0].event_ms == 1775572202789
    assert it.source == "replay:coinbase"


@pytest.mark.asyncio
async def test_a_jump_in_the_count_is_a_lost_frame_and_a_reason_to_subscribe_again(
    coinbase, heard, feed
):
    it = feed(replace(QUICK, silence_s=3.0))
    await until_told(coinbase)
    await coinbase.send_channel("ticker", [{"tickers": [TICKER]}])
    await heard.until(lambda: heard.quotes)
    await coinbase.send_channel("ticker", [{"tickers": [TICKER]}], skip=2)
    await until_told(coinbase, client=2)
    assert it.counters["lost_frames"] == 1
    assert any("were lost" in reason for _, reason in heard.states)
    assert len(heard.quotes) == 1


@pytest.mark.asyncio
async def test_heartbeats_alone_are_not_data(coinbase, heard, feed):
    feed()
    await until_told(coinbase)
    for beat in range(8):
        await coinbase.send_channel("heartbeats", [{"heartbeat_counter": beat}])
        await asyncio.sleep(0.08)
    await coinbase.until_clients(2)
    assert heard.connected == []


@pytest.mark.asyncio
async def test_another_quote_currency_is_never_taken_for_ours(coinbase, heard, feed):
    it = feed()
    await until_told(coinbase)
    dollars = TICKER | {"product_id": "BTC-USD"}
    await coinbase.send_channel("ticker", [{"tickers": [dollars, TICKER]}])
    await heard.until(lambda: heard.quotes)
    assert [quote.native_id for quote in heard.quotes] == ["BTC-USDT"]
    assert it.counters["unknown_frames"] == 1


@pytest.mark.asyncio
async def test_an_error_of_the_feed_is_told(coinbase, heard, feed):
    feed()
    client = await until_told(coinbase)
    await client.send(json.dumps({"type": "error", "message": "authentication failure"}))
    await coinbase.until_clients(2)
    assert any("authentication failure" in reason for _, reason in heard.states)


@pytest.mark.parametrize(
    "changed",
    [
        {"best_bid": "68902"},
        {"best_bid": "0"},
        {"price": "nan"},
        {"best_ask_quantity": "-1"},
        {"best_bid": ""},
    ],
)
def test_an_impossible_quote_is_refused(changed):
    event = [{"tickers": [TICKER | changed]}]
    frame = {"channel": "ticker", "timestamp": "2026-04-07T14:30:03Z", "events": event}
    with pytest.raises(FrameError):
        decode(json.dumps(frame).encode())


@pytest.mark.parametrize("frame", [b"", b"{", b"[]", b'{"channel":"ticker","events":[{}]}'])
def test_garbage_is_refused(frame):
    with pytest.raises(FrameError):
        decode(frame)


def test_unknown_channels_are_marked():
    assert decode(b'{"channel":"futures","sequence_num":3,"events":[{}]}').is_known is False


def book(kind, *levels, product="BTC-USDT"):
    names = ("side", "price_level", "new_quantity")
    updates = [dict(zip(names, level, strict=True)) for level in levels]
    return {"type": kind, "product_id": product, "updates": updates}


@pytest.mark.asyncio
async def test_books_come_whole_first_and_the_ask_side_is_called_offer(coinbase, heard, feed):
    feed()
    await until_told(coinbase)
    whole = book("snapshot", ("bid", "68900.00", "1.5"), ("offer", "68901.00", "0.5"))
    await coinbase.send_channel("level2", [whole], name="l2_data")
    change = book("update", ("bid", "68900.00", "2.0"), ("offer", "68901.00", "0"))
    await coinbase.send_channel("level2", [change], name="l2_data")
    await heard.until(lambda: len(heard.depths) == 2)
    first, second = heard.depths
    assert (first.bids, first.asks) == (((68900.0, 1.5),), ((68901.0, 0.5),))
    assert (first.is_snapshot, second.is_snapshot) == (True, False)
    assert (second.bids, second.asks) == (((68900.0, 2.0),), ((68901.0, 0.0),))
    assert second.last_update_id == first.last_update_id + 1
    assert first.event_ms == 1775572203123


@pytest.mark.asyncio
async def test_a_change_without_a_whole_book_is_not_handed_on(coinbase, heard, feed):
    it = feed()
    await until_told(coinbase)
    await coinbase.send_channel("level2", [book("update", ("bid", "1", "2"))], name="l2_data")
    other = book("snapshot", ("bid", "1", "2"), product="BTC-USD")
    await coinbase.send_channel("level2", [other], name="l2_data")
    await coinbase.send_channel("ticker", [{"tickers": [TICKER]}])
    await heard.until(lambda: heard.quotes)
    assert heard.depths == []
    assert (it.counters["duplicates"], it.counters["unknown_frames"]) == (1, 1)


@pytest.mark.asyncio
async def test_while_two_connections_overlap_a_book_follows_the_newer(coinbase, heard, feed):
    it = feed(replace(QUICK, silence_s=5.0, linger_s=60.0))
    await until_told(coinbase)
    whole = book("snapshot", ("bid", "1", "2"), ("offer", "3", "1"))
    await coinbase.send_channel("level2", [whole], name="l2_data")
    await heard.until(lambda: len(heard.depths) == 1)
    it.leave_soon()
    await until_told(coinbase, client=2)
    newer, older = coinbase.clients[1], coinbase.clients[0]
    await coinbase._number(newer, "l2_data", [whole])
    await heard.until(lambda: len(heard.depths) == 2)
    change = [book("update", ("bid", "1", "9"))]
    await coinbase._number(older, "l2_data", change)
    await coinbase._number(newer, "l2_data", change)
    await heard.until(lambda: len(heard.depths) == 3 and it.counters["duplicates"] == 1)


@pytest.mark.parametrize(
    "level", [("ask", "1", "1"), ("bid", "0", "1"), ("bid", "1", "-1"), ("offer", "nan", "1")]
)
def test_an_impossible_level_is_refused(level):
    frame = {"channel": "l2_data", "timestamp": "2026-04-07T14:30:03Z", "sequence_num": 1}
    with pytest.raises(FrameError):
        decode(json.dumps({**frame, "events": [book("update", level)]}).encode())


@pytest.mark.asyncio
async def test_the_rest_book_and_the_last_prices_of_many(rest, coinbase):
    side = {"price": "68923.66", "size": "0.17"}
    coinbase.books["BTC-USDT"] = {
        "product_id": "BTC-USDT",
        "bids": [side],
        "asks": [{"price": "68923.67", "size": "0.2"}],
    }
    found = await rest.depth("BTC-USDT", 50)
    assert (found.bids, found.asks) == (((68923.66, 0.17),), ((68923.67, 0.2),))
    coinbase.books["BTC-USDT"]["asks"] = [side]
    with pytest.raises(Malformed, match="crossed"):
        await rest.depth("BTC-USDT")
    coinbase.products["BTC-USDT"] = PRODUCT
    coinbase.products["ETH-USDT"] = PRODUCT | {"product_id": "ETH-USDT", "price": ""}
    (row,) = await rest.prices(["BTC-USDT", "ETH-USDT"])
    assert (row.native_id, row.last, row.bid, row.as_of_ms) == ("BTC-USDT", 68923.67, None, None)


ED25519 = base64.b64encode(bytes(range(64))).decode()


def claims_of(token):
    head, body, signature = (
        base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split(".")
    )
    return json.loads(head), json.loads(body), signature


def test_a_token_of_an_ed25519_key_can_be_verified():
    token = Key.read("key-1", ED25519).token("GET host/path", now_s=1000)
    head, body, signature = claims_of(token)
    assert (head["alg"], head["kid"], head["typ"]) == ("EdDSA", "key-1", "JWT")
    assert body == {"sub": "key-1", "iss": "cdp", "nbf": 1000, "exp": 1120, "uri": "GET host/path"}
    public = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
    public.verify(signature, token.rpartition(".")[0].encode())


def test_a_token_of_a_p256_key_can_be_verified():
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    token = Key.read("key-2", pem.decode().replace("\n", "\\n")).token()
    head, body, signature = claims_of(token)
    assert head["alg"] == "ES256"
    assert "uri" not in body
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    signed = token.rpartition(".")[0].encode()
    private.public_key().verify(encode_dss_signature(r, s), signed, ec.ECDSA(SHA256()))


@pytest.mark.parametrize("secret", ["short", base64.b64encode(b"x" * 40).decode(), "-----BEGIN x"])
def test_a_secret_of_another_form_is_named_without_being_shown(secret):
    with pytest.raises(KeyFormatError, match="COINBASE_API_SECRET wants") as told:
        Key.read("key", secret)
    assert secret not in str(told.value)


@pytest.mark.asyncio
async def test_with_a_key_requests_and_subscriptions_carry_fresh_tokens(coinbase, heard, start):
    env = {
        "COINBASE_REST_URL": coinbase.rest_url,
        "COINBASE_API_KEY": "key-1",
        "COINBASE_API_SECRET": ED25519,
    }
    signed = CoinbaseRest.from_settings(env)
    await signed.server_time()
    await signed.aclose()
    sent = {k.lower(): v for k, v in coinbase.requests[0].headers.items()}["authorization"]
    assert claims_of(sent.removeprefix("Bearer "))[1]["uri"] == "GET 127.0.0.1/time"
    key = Key.from_settings(env)
    start(CoinbaseStream(coinbase.ws_url, ["BTC-USDT"], heard, limits=QUICK, key=key))
    client = await until_told(coinbase)
    tokens = {told["jwt"] for told in client.told}
    assert len(tokens) == len(client.told)
    assert Key.from_settings({**env, "COINBASE_API_SECRET": ""}) is None
