"""Chains from the sources into rows: asked in order, checked, valued, judged, thrown away."""

import math
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.conf import settings

from markets.asking import SourcePool
from markets.events import UnusualOption
from markets.models import (
    Instrument,
    InstrumentAlias,
    MacroPoint,
    OptionChain,
    OptionQuote,
    OptionUnderlying,
    Quarantined,
    SessionDay,
    UnusualActivity,
    Venue,
)
from markets.options.black_scholes import greeks
from markets.options.checks import checked
from markets.options.contracts import Contract, years_to_expiry
from markets.options.valuation import NO_QUOTE, valued
from markets.providers.rows import OptionKind, OptionRow
from markets.selectors_options import (
    is_session_open,
    rate_for,
    underlying_by_symbol,
    underlyings_of,
)
from markets.services import options
from markets.services.option_history import day_start_ms, options_prune, volumes_before
from markets.services.option_store import chain_store
from markets.services.options import NoOptions, UnknownExpiry, chain_refresh, chain_want
from mystic.lib import bus
from mystic.lib.http import RateLimited, Unreachable
from tests.markets import goog

NOW = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)  # a Wednesday, noon in New York
NOW_MS = int(NOW.timestamp() * 1000)
FRIDAY, NEXT = date(2026, 11, 20), date(2026, 11, 27)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def aapl(db):
    venue, _ = Venue.objects.get_or_create(code="yahoo", defaults={"name": "Yahoo"})
    return Instrument.objects.create(
        venue=venue,
        symbol="AAPL/USD",
        native_id="AAPL",
        base="AAPL",
        quote="USD",
        asset_class="stock",
        session_calendar="XNYS",
    )


@pytest.fixture
def btc(db):
    venue = Venue.objects.create(code="binance", name="Binance")
    return Instrument.objects.create(
        venue=venue, symbol="BTC/USDT", native_id="BTCUSDT", base="BTC", quote="USDT"
    )


def row(kind="call", strike=230.0, expiry=FRIDAY, **told):
    kind = OptionKind(kind)
    usual = {
        "contract": Contract("AAPL", expiry, kind, strike).symbol,
        "bid": 4.9,
        "ask": 5.1,
        "volume": 10,
        "open_interest": 1000,
        "underlying_price": 231.0,
    }
    return OptionRow(underlying="AAPL", kind=kind, strike=strike, expiry=expiry, **(usual | told))


class Rest:
    """A source that says what the test wrote down; it keeps what it was asked."""

    def __init__(self, source, expiries=None, chains=None, fault=None):
        self.source, self.fault = source, fault
        self.expiries, self.chains = expiries or [], chains or {}
        self.asked = []

    async def option_expiries(self, native_id):
        self.asked.append(native_id)
        if self.fault:
            raise self.fault
        return self.expiries

    async def option_chain(self, native_id, expiry=None, *, limit=1000):
        self.asked.append((native_id, expiry))
        if self.fault:
            raise self.fault
        return self.chains.get(expiry, [])[:limit]

    async def aclose(self):
        self.asked.append("closed")


class Pool(SourcePool):
    """The real pool over sources of the test."""

    def __init__(self, *rests):
        super().__init__(["massive", "alpaca", "yahoo"])
        self._rests = dict(zip(("massive", "alpaca", "yahoo"), rests, strict=False))
        self.names = {provider: rest.source for provider, rest in self._rests.items()}

    def codes(self):
        return self.names

    def off(self):
        return {}


def yahoo(**chains):
    told = {FRIDAY: [row(), row("put")], NEXT: [row(expiry=NEXT)]} | chains
    return Rest("yahoo", [FRIDAY, NEXT, date(2026, 12, 18)], told)


@pytest.fixture
def heard():
    events = []
    bus.subscribe(UnusualOption, events.append)
    yield events
    bus.unsubscribe(UnusualOption, events.append)


@pytest.fixture
def chain(aapl):
    return OptionChain.objects.create(underlying=aapl, expiry=FRIDAY)


def stored(chain, rows, at_ms=NOW_MS, source="yahoo"):
    return chain_store(chain, rows, source=source, received_at_ms=at_ms)


# Asking


def test_the_nearest_expiries_are_read_and_the_others_listed(aapl):
    source = yahoo()
    found = chain_refresh(aapl, pool=Pool(source))
    assert (found.read, found.failed) == ({FRIDAY: 2, NEXT: 1}, {})
    assert source.asked == ["AAPL", ("AAPL", FRIDAY), ("AAPL", NEXT), "closed"]
    rows = {one.expiry: one for one in OptionChain.objects.all()}
    assert list(rows) == [FRIDAY, NEXT, date(2026, 12, 18)]
    assert rows[FRIDAY].contracts == 2
    assert rows[FRIDAY].source == "yahoo"
    assert rows[date(2026, 12, 18)].read_at is None
    assert OptionQuote.objects.count() == 3
    assert OptionUnderlying.objects.get().detail == ""


def test_the_second_source_answers_where_the_first_does_not(aapl):
    first = Rest(
        "massive", fault=RateLimited("5 a minute are used up", retry_after_s=60, is_ban=False)
    )
    chain_refresh(aapl, pool=Pool(first, yahoo()))
    assert {quote.source for quote in OptionQuote.objects.all()} == {"yahoo"}


def test_no_source_is_said_with_the_reason_of_each(aapl):
    found = chain_refresh(aapl, pool=Pool(Rest("massive", fault=Unreachable("no route"))))
    assert found.failed == {"expiries": "massive (option_expiries): no route"}
    assert OptionUnderlying.objects.get().detail == "massive (option_expiries): no route"
    assert OptionChain.objects.count() == 0
    assert OptionQuote.objects.count() == 0


def test_sources_that_are_off_say_how_to_switch_them_on(aapl):
    found = chain_refresh(aapl)
    assert "massive: MASSIVE_API_KEY is not set" in found.failed["expiries"]
    assert "yahoo: YAHOO_BASE_URL is switched off" in found.failed["expiries"]


def test_a_failed_chain_keeps_what_is_stored(aapl, noon):
    chain_refresh(aapl, pool=Pool(yahoo()))
    noon.shift(timedelta(minutes=11))
    chain_refresh(aapl, pool=Pool(Rest("yahoo", fault=Unreachable("no route"))))
    row = OptionChain.objects.get(expiry=FRIDAY)
    assert row.detail == "massive (option_chain): no route"
    assert row.snapshot_ms == NOW_MS
    assert OptionQuote.objects.filter(expiry=FRIDAY).count() == 2


def test_doubled_rings_ask_once_and_fresh_chains_not_at_all(aapl, noon):
    chain_refresh(aapl, pool=Pool(yahoo()))
    for minutes in (0, 2, 7):
        noon.shift(timedelta(minutes=minutes))
        source = yahoo()
        assert chain_refresh(aapl, pool=Pool(source)).read == {}
        assert source.asked == ["closed"]
    noon.shift(timedelta(minutes=2))
    source = yahoo()
    assert chain_refresh(aapl, pool=Pool(source)).read == {FRIDAY: 2, NEXT: 1}
    assert "AAPL" not in source.asked


def test_a_source_knows_the_underlying_by_its_own_name(aapl):
    InstrumentAlias.objects.create(instrument=aapl, source="yahoo", native_id="AAPL.US")
    source = yahoo()
    chain_refresh(aapl, pool=Pool(source))
    assert source.asked[0] == "AAPL.US"


def test_expiries_that_are_over_or_no_longer_listed_leave(aapl, noon):
    chain_refresh(aapl, pool=Pool(yahoo()))
    noon.shift(timedelta(hours=7))
    source = Rest("yahoo", [date(2026, 11, 13), NEXT], {NEXT: [row(expiry=NEXT)]})
    chain_refresh(aapl, pool=Pool(source))
    assert [one.expiry for one in OptionChain.objects.filter(is_listed=True)] == [NEXT]


def test_an_empty_answer_is_said(aapl):
    chain_refresh(aapl, pool=Pool(Rest("yahoo", [])))
    assert OptionUnderlying.objects.get().detail == "massive lists no options of AAPL".replace(
        "massive", "yahoo"
    )
    source = Rest("yahoo", [FRIDAY])
    OptionUnderlying.objects.all().delete()
    chain_refresh(aapl, pool=Pool(source))
    assert OptionChain.objects.get().detail == "yahoo lists no contract of this day"


def test_wanting_is_a_row_first_and_rings_only_when_due(aapl, noon):
    assert chain_want(aapl)
    assert OptionUnderlying.objects.get().wanted_at == NOW
    assert [one.pk for one in options.underlyings_due()] == [aapl.pk]
    chain_refresh(aapl, pool=Pool(yahoo()))
    assert not chain_want(aapl)
    december = date(2026, 12, 18)
    assert chain_want(aapl, december)
    noon.shift(timedelta(seconds=5))
    # The doorbell is lost; the sweep finds the row.
    assert [one.pk for one in options.underlyings_due()] == [aapl.pk]
    source = yahoo()
    source.chains[december] = [row(expiry=december)]
    assert chain_refresh(aapl, pool=Pool(source)).read == {december: 1}
    assert options.underlyings_due() == []


@pytest.fixture
def yahoo_is_on(monkeypatch):
    official = "https://query2.finance.yahoo.com"
    monkeypatch.setitem(settings.ENV, "YAHOO_BASE_URL", official)


def test_with_every_source_off_nothing_is_asked_but_what_is_wanted(aapl):
    assert options.underlyings_due() == []
    chain_want(aapl)
    assert [one.pk for one in options.underlyings_due()] == [aapl.pk]


def test_a_failure_is_tried_again_later_unless_somebody_wants_it(aapl, noon, yahoo_is_on):
    refusing = Rest("yahoo", fault=Unreachable("no route"))
    chain_refresh(aapl, pool=Pool(refusing))
    noon.shift(timedelta(minutes=5))
    assert options.underlyings_due() == []
    assert chain_want(aapl)
    assert [one.pk for one in options.underlyings_due()] == [aapl.pk]
    chain_refresh(aapl, pool=Pool(refusing))
    noon.shift(timedelta(minutes=11))
    assert [one.pk for one in options.underlyings_due()] == [aapl.pk]
    chain_refresh(aapl, pool=Pool(yahoo()))
    noon.shift(timedelta(minutes=11))
    chain_refresh(aapl, pool=Pool(refusing))
    noon.shift(timedelta(minutes=5))
    assert options.underlyings_due() == []
    assert chain_want(aapl)


def test_configured_underlyings_are_due_only_while_their_market_is_open(aapl, noon, yahoo_is_on):
    assert [one.pk for one in options.underlyings_due()] == [aapl.pk]
    opens = int(NOW.timestamp()) + 3600
    SessionDay.objects.create(
        calendar="XNYS", day=NOW.date(), opens_at=opens, closes_at=opens + 3600
    )
    assert not is_session_open(aapl, NOW_MS)
    assert options.underlyings_due() == []
    noon.shift(timedelta(hours=1, seconds=1))
    assert [one.pk for one in options.underlyings_due()] == [aapl.pk]


def test_crypto_has_no_options_and_nothing_is_written(btc):
    with pytest.raises(NoOptions, match="BTC/USDT has no options here"):
        chain_want(btc)
    with pytest.raises(NoOptions):
        chain_refresh(btc, pool=Pool(yahoo()))
    assert OptionUnderlying.objects.count() == 0


def test_an_unknown_expiry_is_refused_with_the_listed_ones(aapl):
    with pytest.raises(UnknownExpiry, match="ask without one first"):
        chain_want(aapl, FRIDAY)
    chain_refresh(aapl, pool=Pool(yahoo()))
    with pytest.raises(UnknownExpiry, match="listed are 2026-11-20, 2026-11-27, 2026-12-18"):
        chain_want(aapl, date(2026, 11, 21))
    assert OptionChain.objects.filter(wanted_at__isnull=False).count() == 0


def test_an_underlying_is_found_by_its_ticker(aapl, btc):
    for written in ("AAPL", "aapl", "AAPL/USD", "aapl-usd"):
        assert underlying_by_symbol(written).pk == aapl.pk
    assert underlying_by_symbol("BTCUSDT").pk == btc.pk
    for written in ("BTC", "MSFT", "\x00", "A" * 99):
        with pytest.raises(Instrument.DoesNotExist):
            underlying_by_symbol(written)
    assert [one.pk for one in underlyings_of(["MSFT", "AAPL"])] == [aapl.pk]


# Checking


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"contract": "AAPL"}, "contract is no OCC symbol"),
        ({"contract": "AAPL261120P00230000"}, "contract and its strike, kind or expiry differ"),
        ({"contract": "AAPL261120C00231000"}, "contract and its strike, kind or expiry differ"),
        ({"contract": "AAPL261127C00230000"}, "contract and its strike, kind or expiry differ"),
        ({"bid": 5.2}, "bid above ask"),
        ({"bid": -1.0}, "a price is not possible"),
        ({"last": math.nan}, "a price is not possible"),
        ({"ask": math.inf}, "a price is not possible"),
        ({"volume": -1}, "volume or open interest is not possible"),
        ({"open_interest": 10**13}, "volume or open interest is not possible"),
        ({"implied_volatility": -0.2}, "volatility or a greek is not possible"),
        ({"implied_volatility": math.nan}, "volatility or a greek is not possible"),
        ({"delta": -0.5}, "volatility or a greek is not possible"),
        ({"gamma": math.inf}, "volatility or a greek is not possible"),
    ],
)
def test_a_wrong_row_is_quarantined_and_the_others_are_kept(chain, changed, reason):
    quotes = stored(chain, [row(**changed), row("put"), row(strike=235.0)])
    assert [quote.contract for quote in quotes] == ["AAPL261120P00230000", "AAPL261120C00235000"]
    kept = Quarantined.objects.get()
    assert (kept.source, kept.kind, kept.reason, kept.count) == ("yahoo", "option", reason, 1)
    assert kept.instrument_id == chain.underlying_id
    assert kept.sample.startswith("OptionRow(contract=")
    assert (chain.contracts, chain.refused) == (2, 1)


def test_strikes_that_are_not_positive_and_other_days_are_refused():
    bad = OptionRow("AAPL261120C00230000", "AAPL", OptionKind.CALL, 0.0, FRIDAY)
    found = checked([bad, row(expiry=NEXT), row(), row()], ticker="AAPL", expiry=FRIDAY)
    assert [reason for _, reason in found.refused] == [
        "strike is not positive",
        "another expiry than asked for",
        "contract told twice",
    ]
    assert len(found.rows) == 1


def test_the_same_fault_counts_in_one_row(chain):
    stored(chain, [row(bid=9.0), row("put", bid=9.0)])
    stored(chain, [row(bid=9.0)], NOW_MS + 1000)
    assert Quarantined.objects.get().count == 3


def test_zero_prices_are_nobody_and_adjusted_contracts_are_left_out(chain):
    adjusted = row(contract="AAPL1261120C00230000")
    quotes = stored(chain, [row(bid=0.0, ask=0.0, last=0.0), row("put", bid=0.0), adjusted])
    call, put = quotes
    assert (call.bid, call.ask, call.last) == (None, None, None)
    assert (put.bid, put.ask) == (0.0, 5.1)
    assert Quarantined.objects.count() == 0


# Valuing


def test_missing_volatility_and_greeks_are_computed_and_marked(chain):
    (quote,) = stored(chain, [row()])
    assert quote.is_volatility_computed
    assert quote.are_greeks_computed
    years = years_to_expiry(FRIDAY, NOW_MS)
    again = greeks(231.0, 230.0, years, quote.implied_volatility, [True])
    assert float(again.price[0]) == pytest.approx(5.0, rel=1e-10)
    for name in ("delta", "gamma", "theta", "vega", "rho"):
        assert getattr(quote, name) == float(getattr(again, name)[0])
    assert (chain.rate, chain.dividend_yield, chain.spot) == (0.0, 0.0, 231.0)
    assert chain.rate_note == "assumed 0: no DGS1MO or DGS3MO is stored"


def test_what_the_source_says_is_kept(chain):
    theirs = {"delta": 0.55, "gamma": 0.03, "theta": -0.2, "vega": 0.1}
    (quote,) = stored(chain, [row(implied_volatility=0.31, **theirs)])
    assert (quote.implied_volatility, quote.is_volatility_computed) == (0.31, False)
    assert {name: getattr(quote, name) for name in theirs} == theirs
    assert (quote.rho, quote.are_greeks_computed) == (None, False)


def test_a_told_volatility_makes_greeks_and_a_placeholder_does_not(chain):
    told, placeholder = stored(
        chain, [row(implied_volatility=0.5), row("put", implied_volatility=1e-5)]
    )
    wanted = greeks(231.0, 230.0, years_to_expiry(FRIDAY, NOW_MS), 0.5, [True])
    assert told.delta == float(wanted.delta[0])
    assert (told.is_volatility_computed, told.are_greeks_computed) == (False, True)
    assert placeholder.is_volatility_computed
    assert placeholder.implied_volatility > 0.2


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"bid": None, "ask": None}, NO_QUOTE),
        ({"bid": 0.0}, NO_QUOTE),
        ({"bid": 0.4, "ask": 0.5}, "the price is not above the intrinsic value"),
        ({"bid": 231.0, "ask": 240.0}, "the price is not below the most the option can be worth"),
        ({"underlying_price": None}, "a price, the underlying's price or the strike is not known"),
    ],
)
def test_no_volatility_is_missing_with_its_reason_and_never_zero(chain, changed, reason):
    (quote,) = stored(chain, [row(**changed)])
    assert (quote.implied_volatility, quote.volatility_reason) == (None, reason)
    assert (quote.delta, quote.gamma, quote.theta, quote.vega, quote.rho) == (None,) * 5
    assert not quote.is_volatility_computed
    assert not quote.are_greeks_computed


def test_an_expired_contract_has_no_volatility(chain):
    (found,) = valued([row()], spot=None, years=0.0, rate=0.0)
    assert found.reason == "no time is left to expiry"
    assert found.volatility is None


def test_the_rate_is_what_was_published_at_the_time(db):
    venue = Venue.objects.create(code="fred", name="FRED")
    for series, value in (("DGS1MO", 4.0), ("DGS3MO", 5.0)):
        instrument = Instrument.objects.create(
            venue=venue,
            symbol=series,
            native_id=series,
            base=series,
            quote="",
            asset_class="macro",
        )
        for day, shown, after in ((16, value, 0), (17, 99.0, 3600)):
            MacroPoint.objects.create(
                instrument=instrument,
                period=date(2026, 11, day),
                value=shown,
                vintage=date(2026, 11, day),
                available_at=NOW_MS // 1000 + after,
                source="fred",
                received_at_ms=NOW_MS,
            )
    short, long = rate_for(0.1, NOW_MS), rate_for(0.5, NOW_MS)
    assert short.value == pytest.approx(2 * math.log(1.02), rel=1e-15)
    assert short.note == "DGS1MO of 2026-11-16: 4 % (fred)"
    assert long.value == pytest.approx(2 * math.log(1.025), rel=1e-15)
    assert rate_for(0.1, NOW_MS + 90 * 86_400_000).note.startswith("assumed 0")


def test_a_recorded_chain_is_stored_as_it_was(db):
    venue = Venue.objects.create(code="yahoo", name="Yahoo")
    stock = Instrument.objects.create(
        venue=venue, symbol="GOOG/USD", native_id="GOOG", base="GOOG", quote="USD",
        asset_class="stock",
    )  # fmt: skip
    chain = OptionChain.objects.create(underlying=stock, expiry=goog.EXPIRIES[2])
    rows = goog.chain(chain.expiry)
    quotes = stored(chain, rows, goog.CLOSE_MS)
    assert len(quotes) == len(rows) == 342
    assert Quarantined.objects.count() == 0
    near = [one for one in quotes if abs(one.strike / goog.SPOT - 1) < 0.1]
    assert len(near) > 80
    outer = [one for one in near if (one.strike > goog.SPOT) is (one.kind == "call")]
    assert all(0.1 < one.implied_volatility < 0.4 for one in outer if one.bid)
    # Deep in the money the middle of a wide quote may lie below the intrinsic value.
    assert sum(one.implied_volatility is None for one in near) < 12
    for one in quotes:
        assert (one.implied_volatility is None) is bool(one.volatility_reason)
        assert one.implied_volatility != 0


# Standing out


def test_unusual_volume_is_a_row_and_an_event_once_a_day(
    chain, heard, django_capture_on_commit_callbacks
):
    for minute in range(3):
        with django_capture_on_commit_callbacks(execute=True):
            stored(chain, [row(volume=5000 + minute), row("put")], NOW_MS + minute * 60_000)
    found = UnusualActivity.objects.get()
    assert (found.contract, found.day) == ("AAPL261120C00230000", date(2026, 11, 18))
    assert (found.volume, found.open_interest, found.typical_volume) == (5000, 1000, None)
    # Volume x mid x 100 = 5000 x 5.00 x 100.
    assert found.premium == pytest.approx(2_500_000)
    codes = [reason["code"] for reason in found.reasons]
    assert codes == ["volume_over_open_interest", "large_premium"]
    assert found.score == round(math.log2(5) + 1 + math.log10(2.5), 2)
    (event,) = heard
    assert (event.activity_id, event.symbol) == (found.pk, "AAPL/USD")
    assert event.reasons[0] == "volume 5,000 is 5.0 times the open interest of 1,000"


def test_nothing_is_told_of_what_was_not_committed(chain, heard):
    stored(chain, [row(volume=5000)])
    assert UnusualActivity.objects.count() == 1
    assert heard == []


def test_a_contracts_own_days_are_their_last_snapshots(aapl, chain):
    for day in range(1, 7):
        for hour, volume in ((0, 1), (2, 100 + day)):
            at_ms = NOW_MS - day * 86_400_000 + hour * 3_600_000
            stored(chain, [row(volume=volume)], at_ms)
    today = date(2026, 11, 18)
    found = volumes_before(aapl.pk, ["AAPL261120C00230000"], before=today)
    assert sorted(found["AAPL261120C00230000"]) == [101, 102, 103, 104, 105, 106]
    assert volumes_before(aapl.pk, [], before=today) == {}
    stored(chain, [row(volume=1900, open_interest=None)])
    activity = UnusualActivity.objects.get(day=today)
    assert activity.typical_volume == 103.5
    assert activity.reasons[0]["code"] == "volume_over_typical"


# Keeping and throwing away


def test_the_same_snapshot_twice_is_one(chain):
    stored(chain, [row(), row("put")])
    stored(chain, [row(), row("put")])
    assert OptionQuote.objects.count() == 2


def test_history_keeps_the_last_snapshot_of_a_day_and_is_bounded(aapl, chain):
    times = {}
    for day in (0, 1, 5, 6, 500):
        for hour in (-1, 0, 1):
            at_ms = NOW_MS - day * 86_400_000 + hour * 3_600_000
            stored(chain, [row(), row("put")], at_ms)
            times[day, hour] = at_ms
    over = OptionChain.objects.create(underlying=aapl, expiry=date(2026, 11, 17))
    assert options_prune(at_ms=NOW_MS) == 2 * (2 + 2 + 3)
    kept = set(OptionQuote.objects.values_list("received_at_ms", flat=True))
    recent = {times[day, hour] for day in (0, 1) for hour in (-1, 0, 1)}
    assert kept == recent | {times[5, 1], times[6, 1]}
    assert not OptionChain.objects.filter(pk=over.pk).exists()
    assert options_prune(at_ms=NOW_MS) == 0


def test_a_day_is_that_of_new_york():
    assert day_start_ms(date(2026, 11, 18)) == NOW_MS - 12 * 3_600_000
