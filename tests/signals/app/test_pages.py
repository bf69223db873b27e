"""Pages of the signals: what everybody shares, what is only mine, and why not."""

import json

import pytest
from django.test import Client

from signals import services
from signals.events import SignalRaised
from signals.live import on_signal
from signals.models import Decision, Pattern, Progress, Signal, Strategy
from tests.signals.app.conftest import START

pytestmark = pytest.mark.django_db
XSS = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def shared(db):
    services.strategies_sync()
    return Strategy.objects.get(class_name="SmcConfluence")


@pytest.fixture
def make_signal(btc):
    def make(strategy, n=0, **fields):
        side = fields.get("side", "BUY")
        decision = Decision.objects.create(
            strategy=strategy,
            instrument=fields.get("instrument", btc),
            bar_open=START + 60 * n,
            verdict="enter_long" if side == "BUY" else "exit",
            reason=fields.get("reason", "the block held"),
            values={"block_top": 60123.5, "touched": True},
            source="replay:binance",
        )
        return Signal.objects.create(
            **{
                "decision": decision,
                "strategy": strategy,
                "instrument": btc,
                "side": side,
                "confidence": 0.83,
                "price": 60500.25,
                "stop": 60000.0 if side == "BUY" else None,
                "take": 62000.75 if side == "BUY" else None,
                "reason": "the block held",
                "bar_close": START + 60 * (n + 1),
                "source": "replay:binance",
                **fields,
            }
        )

    return make


@pytest.fixture
def as_user():
    def client(user):
        found = Client()
        found.force_login(user)
        return found

    return client


PAGES = [
    "/signals/",
    "/strategies/",
    "/signals/fragment/latest/",
    "/signals/fragment/symbol/BTCUSDT/",
]


@pytest.mark.parametrize("path", [*PAGES, "/signals/1/", "/strategies/1/pairs/"])
def test_a_stranger_is_sent_to_sign_in(client, btc, path):
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


def test_a_private_strategy_is_seen_by_its_owner_only(
    ann, ben, cid, btc, shared, make_signal, as_user
):
    private = Strategy.objects.create(
        class_name="SmcConfluence", version="v", name="Only of Ann", timeframe=60, owner=ann
    )
    signal = make_signal(private, reason="a secret reason")
    Progress.objects.create(strategy=private, instrument=btc, last_decision=signal.decision)
    paths = [*PAGES, f"/signals/{signal.pk}/"]
    for path in paths:
        page = as_user(ann).get(path)
        assert page.status_code == 200
        assert "Only of Ann" in page.content.decode()
    for other in (ben, cid):
        for path in PAGES:
            page = as_user(other).get(path).content.decode()
            assert "Only of Ann" not in page
            assert "a secret reason" not in page
        assert as_user(other).get(f"/signals/{signal.pk}/").status_code == 404
        assert as_user(other).get(f"/strategies/{private.pk}/pairs/").status_code == 404
    chart = as_user(ben).get("/signals/patterns/BTCUSDT.json").json()["data"]
    assert chart["signals"] == []
    mine = as_user(ann).get("/signals/patterns/BTCUSDT.json").json()["data"]
    assert [one["id"] for one in mine["signals"]] == [signal.pk]


def test_a_signal_shows_what_it_asks_for_and_why(ann, shared, make_signal, as_user):
    signal = make_signal(shared)
    page = as_user(ann).get(f"/signals/{signal.pk}/").content.decode()
    for shown in (
        "Buy BTC/USDT",
        "the block held",
        "60,500.25",
        "60,000.00",
        "62,000.75",
        "83 %",
        "block top",
        "60,123.5",
        "replay: recorded",
        "Smart-Money confluence",
    ):
        assert shown in page, shown
    assert as_user(ann).get("/signals/999999/").status_code == 404


def test_a_late_signal_says_that_nobody_acts_on_it(ann, shared, make_signal, as_user):
    from django.utils import timezone

    signal = make_signal(shared, late_reason="concluded 40 min after", acted_at=timezone.now())
    assert "Nobody acts on this signal: concluded 40 min after" in (
        as_user(ann).get(f"/signals/{signal.pk}/").content.decode()
    )


class TestFilters:
    @pytest.fixture
    def rows(self, btc, shared, make_instrument, make_signal):
        other = Strategy.objects.get(class_name="TrendPullback")
        eth = make_instrument("ETH/USDT")
        return [
            make_signal(shared, 1),
            make_signal(shared, 2, side="SELL"),
            make_signal(other, 3, instrument=eth),
        ]

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("", {0, 1, 2}),
            ("?symbol=ETHUSDT", {2}),
            ("?symbol=btcusdt&side=SELL", {1}),
            ("?side=BUY", {0, 2}),
            ("?side=<b>", {0, 1, 2}),
            ("?strategy=x", {0, 1, 2}),
            ("?strategy=999", set()),
            ("?before=abc", {0, 1, 2}),
            ("?before=99999999999999999999999", {0, 1, 2}),
        ],
    )
    def test_filters(self, ann, rows, as_user, query, found):
        page = as_user(ann).get(f"/signals/{query}").content.decode()
        assert {n for n, row in enumerate(rows) if f'id="signal-{row.pk}"' in page} == found
        assert "<b>" not in page

    def test_by_strategy(self, ann, rows, shared, as_user):
        page = as_user(ann).get(f"/signals/?strategy={shared.pk}").content.decode()
        assert f'id="signal-{rows[2].pk}"' not in page
        assert f'id="signal-{rows[0].pk}"' in page

    @pytest.mark.parametrize("symbol", ["NOPE", "%00", "x" * 500])
    def test_an_unknown_symbol_is_404(self, ann, btc, as_user, symbol):
        assert as_user(ann).get(f"/signals/?symbol={symbol}").status_code == 404

    def test_older_pages(self, ann, shared, make_signal, as_user, django_assert_max_num_queries):
        signals = [make_signal(shared, n) for n in range(60)]
        client = as_user(ann)
        client.get("/signals/")
        with django_assert_max_num_queries(9):
            page = client.get("/signals/").content.decode()
        assert page.count('<tr id="signal-') == 50
        assert f"before={signals[10].pk}" in page
        older = client.get(f"/signals/?before={signals[10].pk}").content.decode()
        assert older.count('<tr id="signal-') == 10


class TestStrategies:
    def test_says_what_it_does_and_why_not(self, ann, btc, shared, make_signal, as_user):
        decision = Decision.objects.create(
            strategy=shared,
            instrument=btc,
            bar_open=START,
            verdict="none",
            reason="for the first time: no",
            source="replay:binance",
        )
        Progress.objects.create(
            strategy=shared,
            instrument=btc,
            last_decision=decision,
            decided_through=START,
            decisions=17,
            signals=3,
        )
        page = as_user(ann).get("/strategies/").content.decode()
        for shown in (
            "return into a bullish order block",
            "Least confidence",
            shared.version,
            "for the first time: no",
            f'hx-get="/strategies/{shared.pk}/deployment/"',
            "<dd>17</dd>",
        ):
            assert shown in page, shown

    def test_a_paused_pair_says_why(self, ann, btc, shared, as_user):
        Progress.objects.create(
            strategy=shared,
            instrument=btc,
            errors=3,
            paused_reason="paused after 3 errors: KeyError",
        )
        page = as_user(ann).get(f"/strategies/{shared.pk}/pairs/").content.decode()
        assert "paused after 3 errors: KeyError" in page
        from signals import health

        report = health.report()
        assert report["state"] == "warn"
        assert report["tables"][0]["rows"] == [
            ["Smart-Money confluence", "BTC/USDT", "paused after 3 errors: KeyError"]
        ]

    def test_the_page_costs_the_same_with_many_pairs(
        self, ann, shared, make_instrument, as_user, django_assert_max_num_queries
    ):
        for n in range(30):
            one = make_instrument(f"C{n}/USDT")
            Progress.objects.create(strategy=shared, instrument=one)
        client = as_user(ann)
        client.get("/strategies/")
        with django_assert_max_num_queries(8):
            client.get("/strategies/")


def test_texts_are_escaped_everywhere(ann, btc, make_signal, as_user):
    strategy = Strategy.objects.create(class_name=XSS, version="v", name=XSS, timeframe=60)
    signal = make_signal(strategy, reason=XSS)
    Progress.objects.create(
        strategy=strategy, instrument=btc, last_decision=signal.decision, paused_reason=XSS
    )
    Decision.objects.update(values={XSS: XSS})
    for path in [*PAGES, f"/signals/{signal.pk}/", f"/strategies/{strategy.pk}/pairs/"]:
        page = as_user(ann).get(path).content.decode()
        assert "<img src=x" not in page, path
        assert "&lt;img src=x" in page, path


class TestChart:
    def test_zones_and_markers(self, client, btc, shared, make_signal):
        signal = make_signal(shared)
        for timeframe in (60, 300):
            Pattern.objects.create(
                instrument=btc,
                timeframe=timeframe,
                kind="fvg",
                direction=1,
                top=61000.0,
                bottom=60900.0,
                at=START,
                confirmed_at=START + timeframe,
            )
        body = client.get("/signals/patterns/BTCUSDT.json?timeframe=5m").json()
        (zone,) = body["data"]["patterns"]
        assert zone == {
            "kind": "fvg",
            "direction": 1,
            "top": 61000.0,
            "bottom": 60900.0,
            "at": START,
            "confirmed_at": START + 300,
            "touched_at": None,
            "mitigated_at": None,
            "filled_at": None,
            "quality": None,
        }
        (marker,) = body["data"]["signals"]
        assert (marker["id"], marker["side"], marker["bar_close"]) == (signal.pk, "BUY", START + 60)
        assert (body["source"], body["live_data"]) == ("replay:binance", False)

    def test_an_unknown_symbol_is_404_and_an_unknown_timeframe_the_stored_one(self, client, btc):
        assert client.get("/signals/patterns/NOPE.json").status_code == 404
        body = client.get("/signals/patterns/BTCUSDT.json?timeframe=7m").json()
        assert body["data"]["timeframe"] == 60


def test_pages_that_listen_get_the_whole_signal(shared, make_signal, monkeypatch):
    from signals import live

    published = []
    monkeypatch.setattr(
        live.hub, "publish_event", lambda subject, payload: published.append((subject, payload))
    )
    signal = make_signal(shared)
    on_signal(SignalRaised(signal.pk))
    on_signal(SignalRaised(999_999))
    ((subject, payload),) = published
    assert subject == "signals"
    assert payload["type"] == "signal"
    assert payload["data"]["symbol"] == "BTC/USDT"
    assert (payload["source"], payload["is_live"]) == ("replay:binance", False)
    assert json.loads(json.dumps(payload)) == payload


def test_the_page_says_which_strategy_does_not_fit_and_why(as_user, ann, settings):
    settings.ENV = {**settings.ENV, "MYSTIC_TIMEFRAME": "1d"}
    services.strategies_sync()
    page = as_user(ann).get("/strategies/").content.decode()
    assert "<strong>Trend pullback</strong> does not run on 1d bars: it wants a longer" in page
    assert "Smart-Money confluence" in page


def test_a_docstring_flows_and_its_names_are_code(as_user, ann, shared):
    page = as_user(ann).get("/strategies/").content.decode()
    card = page.partition(f'id="strategy-{shared.pk}"')[2]
    about = card.partition('class="prose">')[2].partition("</div>")[0]
    assert "<p>Buy the return into a bullish order block while structure is bullish.</p>" in about
    assert "target at <code>reward</code> times the risk" in about
    assert "\n" not in about
    assert "`" not in about
