"""What the API tells of the markets, the signals and the alerts; the envelope is always there."""

import json

import pytest
from django.conf import settings
from django.db.models import F
from django.test import override_settings
from django.utils import timezone

from markets.models import Candle, Venue
from mystic.lib.clock import now_ms
from notifications.models import Alert, AlertRule, Channel
from signals.models import Decision, Signal, Strategy

MINUTE = 60


def body_of(response, status=200):
    body = json.loads(response.content)
    assert response.status_code == status, body
    assert abs(body["timestamp"] - now_ms()) < 10_000
    assert isinstance(body["live_data"], bool)
    assert "source" in body
    assert response["Cache-Control"] == "no-store"
    return body


@pytest.fixture
def candles(btc):
    """Store 180 closed one-minute bars that end at the last full minute."""
    end = int(timezone.now().timestamp()) // MINUTE * MINUTE
    rows = [
        Candle(
            instrument_id=btc.pk,
            timeframe=MINUTE,
            open_time=end - (180 - n) * MINUTE,
            open=100.0 + n,
            high=101.5 + n,
            low=99.5 + n,
            close=101.0 + n,
            volume=1.0 + n,
            source="binance",
            origin=Candle.Origin.LIVE if n >= 120 else Candle.Origin.BACKFILL,
            received_at_ms=end * 1000 + n,
        )
        for n in range(180)
    ]
    Candle.objects.bulk_create(rows)
    return rows


def test_coinstate_is_public_and_tells_what_it_does_not_know(nobody, btc):
    body = body_of(nobody.get("/api/coinstate"))
    (row,) = body["data"]
    assert (row["symbol"], row["slug"]) == ("BTC/USDT", "BTCUSDT")
    assert [row[name] for name in ("last", "bid", "ask", "source", "as_of")] == [None] * 5
    assert body["live_data"] is False


def test_coinstate_is_live_only_while_the_official_quote_is_fresh(nobody, btc, quoted):
    quoted(59_999.0, 60_000.0)
    body = body_of(nobody.get("/api/coinstate"))
    (row,) = body["data"]
    assert (row["bid"], row["ask"], row["spread"]) == (59_999.0, 60_000.0, 1.0)
    assert (body["live_data"], body["source"], row["is_live"]) == (True, "binance", True)
    quoted(age_ms=60_000)
    body = body_of(nobody.get("/api/coinstate"))
    assert (body["live_data"], body["stale"]) == (False, True)
    quoted(source="replay:binance", is_official=False)
    body = body_of(nobody.get("/api/coinstate"))
    assert (body["live_data"], body["source"]) == (False, "replay:binance")


@pytest.mark.parametrize("symbol", ["BTCUSDT", "btc-usdt", "BTC%2FUSDT", "BTC/USDT"])
def test_one_pair_by_each_of_its_names(nobody, btc, quoted, symbol):
    quoted()
    body = body_of(nobody.get(f"/api/v1/market-data/{symbol}"))
    assert body["data"]["symbol"] == "BTC/USDT"
    assert (body["data"]["tick"], body["data"]["step"]) == ("0.01", "0.00001")
    assert body["data"]["min_notional"] == "5"
    assert body["data"]["bar"] is None


def test_history_gives_exactly_the_stored_bars(nobody, candles):
    body = body_of(nobody.get("/api/v1/market-data/BTCUSDT/historical?period=1D&timeframe=1m"))
    wanted = [[c.open_time, c.open, c.high, c.low, c.close, c.volume] for c in candles]
    assert body["data"]["bars"] == wanted
    assert body["data"]["origins"] == {"backfill": 120, "live": 60}
    assert (body["source"], body["live_data"]) == ("binance", True)
    assert body["as_of"].startswith("20")


def test_history_of_a_span_and_of_a_count(nobody, candles):
    start, end = candles[10].open_time, candles[20].open_time
    path = "/api/v1/market-data/BTC%2FUSDT/historical"
    body = body_of(nobody.get(f"{path}?from={start}&to={end}"))
    assert [bar[0] for bar in body["data"]["bars"]] == [c.open_time for c in candles[10:20]]
    assert body["live_data"] is False
    iso = timezone.datetime.fromtimestamp(start, tz=timezone.get_current_timezone()).isoformat()
    again = body_of(nobody.get(f"{path}?from={iso.replace('+', '%2B')}&to={end}"))
    assert again["data"]["bars"] == body["data"]["bars"]
    body = body_of(nobody.get(f"{path}?limit=3"))
    assert [bar[0] for bar in body["data"]["bars"]] == [c.open_time for c in candles[-3:]]


def test_history_of_a_higher_timeframe_adds_up(nobody, candles):
    body = body_of(nobody.get("/api/v1/market-data/BTCUSDT/historical?timeframe=5m&limit=10"))
    by_open = {c.open_time: c for c in candles}
    assert len(body["data"]["bars"]) >= 9
    for opened, first, high, low, last, volume in body["data"]["bars"]:
        parts = [by_open[opened + k * MINUTE] for k in range(5)]
        assert opened % 300 == 0
        assert (first, last) == (parts[0].open, parts[-1].close)
        assert (high, low) == (max(p.high for p in parts), min(p.low for p in parts))
        assert volume == sum(p.volume for p in parts)


def test_history_of_a_replay_is_never_live(nobody, candles):
    Candle.objects.update(source="replay:binance")
    body = body_of(nobody.get("/api/v1/market-data/BTCUSDT/historical"))
    assert (body["live_data"], body["source"]) == (False, "replay:binance")


def test_no_bars_are_no_bars(nobody, btc):
    body = body_of(nobody.get("/api/v1/market-data/BTCUSDT/historical"))
    assert body["data"]["bars"] == []
    assert (body["live_data"], body["as_of"]) == (False, None)


@pytest.fixture
def strategy(db):
    return Strategy.objects.create(class_name="Probe", version="1", name="Probe", timeframe=60)


def make_signals(strategy, instrument, count, **fields):
    made = []
    for n in range(count):
        decision = Decision.objects.create(
            strategy=strategy, instrument=instrument, bar_open=n * 60,
            verdict=Decision.Verdict.ENTER_LONG, source="binance",
        )  # fmt: skip
        values = {
            "side": Signal.Side.BUY, "confidence": 0.8, "price": 100.0 + n, "reason": "a probe",
            "bar_close": n * 60 + 60, "source": "binance", "is_live": True,
        }  # fmt: skip
        made.append(
            Signal.objects.create(
                decision=decision, strategy=strategy, instrument=instrument, **(values | fields)
            )
        )
    return made


def test_signals_newest_first_by_pages(program, btc, strategy):
    made = make_signals(strategy, btc, 5)
    body = body_of(program.get("/api/signals?limit=2"))
    assert [row["id"] for row in body["data"]] == [made[4].pk, made[3].pk]
    assert (body["live_data"], body["source"]) == (True, "binance")
    first = body["data"][0]
    assert (first["symbol"], first["side"], first["price"]) == ("BTC/USDT", "BUY", 104.0)
    body = body_of(program.get(f"/api/signals?limit=2&before={made[3].pk}"))
    assert [row["id"] for row in body["data"]] == [made[2].pk, made[1].pk]
    assert body_of(program.get("/api/signals?side=SELL"))["data"] == []
    assert (
        len(body_of(program.get(f"/api/signals?strategy={strategy.pk}&symbol=btcusdt"))["data"])
        == 5
    )
    Signal.objects.filter(pk=made[0].pk).update(is_live=False, source="replay:binance")
    body = body_of(program.get("/api/signals"))
    assert (body["live_data"], body["source"]) == (False, "binance,replay:binance")


def test_strategies_are_the_shared_and_my_own(program, tess, cid, strategy):
    own = Strategy.objects.create(
        class_name="Probe", version="2", name="Mine", timeframe=300, owner=tess
    )
    Strategy.objects.create(class_name="Probe", version="3", name="His", timeframe=60, owner=cid)
    rows = body_of(program.get("/api/v1/strategies"))["data"]
    assert {row["id"] for row in rows} == {strategy.pk, own.pk}
    assert {row["timeframe"] for row in rows} == {"1m", "5m"}


def make_alerts(user, count):
    return [
        Alert.objects.create(user=user, key=f"k{n}", kind="price", title=f"Alert {n}")
        for n in range(count)
    ]


def test_alerts_are_listed_and_read(program, tess):
    made = make_alerts(tess, 4)
    body = body_of(program.get("/api/notifications?limit=3"))
    assert [row["id"] for row in body["data"]] == [a.pk for a in reversed(made[1:])]
    assert body["unread"] == 4
    answer = program.post("/api/notifications", {"ids": [made[0].pk, made[1].pk]})
    assert body_of(answer)["data"] == {"read": 2, "unread": 2}
    left = body_of(program.get("/api/notifications?unread=true"))["data"]
    assert {row["id"] for row in left} == {made[2].pk, made[3].pk}
    assert body_of(program.post("/api/notifications", {"all": True}))["data"]["unread"] == 0


def test_rules_are_made_listed_and_removed(program, tess, btc):
    wish = {
        "kind": "price",
        "symbol": "btc-usdt",
        "params": {"direction": "above", "level": "61000.5"},
        "is_repeating": True,
    }
    made = body_of(program.post("/api/v1/alerts/rules", wish), 201)["data"]
    assert (made["symbol"], made["kind"], made["is_repeating"]) == ("BTC/USDT", "price", True)
    assert made["params"]["level"] == "61000.5"
    assert [r["id"] for r in body_of(program.get("/api/v1/alerts/rules"))["data"]] == [made["id"]]
    assert program.delete(f"/api/v1/alerts/rules/{made['id']}").status_code == 204
    assert program.delete(f"/api/v1/alerts/rules/{made['id']}").status_code == 404
    assert not AlertRule.objects.exists()
    assert not Channel.objects.exclude(user=tess).exists()


def test_health_says_little_to_strangers_and_more_to_members(nobody, program, btc):
    public = body_of(nobody.get("/api/health"))["data"]
    assert set(public) == {"status", "feed"}
    assert public["status"] == "degraded"
    mine = body_of(program.get("/api/health"))["data"]
    assert set(mine["parts"]) == {"markets", "signals", "trading", "notifications"}
    assert mine["database_ms"] >= 0
    assert "Mystic" in mine["versions"]


def test_a_period_of_a_replay_ends_at_its_newest_bar(nobody, candles):
    Venue.objects.update(is_replay=True, code="replay:binance")
    years = 3 * 365 * 86_400
    Candle.objects.update(source="replay:binance", open_time=F("open_time") - years)
    with override_settings(ENV={**settings.ENV, "BINANCE_REST_URL": "http://127.0.0.1:1"}):
        body = body_of(nobody.get("/api/v1/market-data/BTCUSDT/historical?period=1H"))
    assert [bar[0] for bar in body["data"]["bars"]] == [c.open_time - years for c in candles[-60:]]
    assert body["live_data"] is False
