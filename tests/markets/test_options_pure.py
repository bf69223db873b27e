"""Options by numbers: greeks against an independent integral, volatility there and back, names."""

import csv
import gzip
import math
import subprocess
import sys
from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from markets.options import chain, contracts, normal, unusual
from markets.options.black_scholes import greeks
from markets.options.contracts import ContractError, parse, years_to_expiry
from markets.options.implied import Missing, implied_volatility
from markets.providers.rows import OptionKind
from tests.product import ROOT, TEST_DATA

CHAINS = TEST_DATA / "options" / "lean_GOOG_chain_greeks.csv.gz"
QUOTES = TEST_DATA / "options" / "lean_GOOG_quotes_lastbar_20151224.csv.gz"


def random_contracts(count, seed=7):
    random = np.random.default_rng(seed)
    spot = random.uniform(20, 500, count)
    return {
        "spot": spot,
        "strike": spot * np.exp(random.normal(0, 0.3, count)),
        "years": random.uniform(1 / 365, 3, count),
        "volatility": random.uniform(0.05, 1.5, count),
        "is_call": random.random(count) < 0.5,
        "rate": random.uniform(-0.01, 0.08, count),
        "dividend_yield": random.uniform(0, 0.05, count),
    }


def price_by_integral(spot, strike, years, volatility, is_call, rate, dividend_yield):
    """The expectation of the payoff under the lognormal law, without the closed formula."""
    mean = math.log(spot) + (rate - dividend_yield - volatility**2 / 2) * years
    width = volatility * math.sqrt(years)
    edge = (math.log(strike) - mean) / width

    def paid(z):
        end = math.exp(mean + width * z)
        return (end - strike if is_call else strike - end) * stats.norm.pdf(z)

    low, high = (edge, max(edge, 0) + 15) if is_call else (min(edge, 0) - 15, edge)
    middle = min(max(width if is_call else 0.0, low), high)
    parts = ((low, middle), (middle, high))
    return math.exp(-rate * years) * sum(
        integrate.quad(paid, *part, epsabs=1e-13, epsrel=1e-12, limit=300)[0] for part in parts
    )


def greeks_by_hand(spot, strike, years, volatility, is_call, rate, dividend_yield):
    """The textbook formulas, one contract at a time, calls and puts apart (Hull, table 19.6)."""
    n, pdf = stats.norm.cdf, stats.norm.pdf
    d1 = math.log(spot / strike) + (rate - dividend_yield + volatility**2 / 2) * years
    d1 /= volatility * math.sqrt(years)
    d2 = d1 - volatility * math.sqrt(years)
    growth, discount = math.exp(-dividend_yield * years), math.exp(-rate * years)
    decay = -spot * pdf(d1) * volatility * growth / (2 * math.sqrt(years))
    gamma = pdf(d1) * growth / (spot * volatility * math.sqrt(years))
    vega = spot * math.sqrt(years) * pdf(d1) * growth / 100
    if is_call:
        price = spot * growth * n(d1) - strike * discount * n(d2)
        delta = growth * n(d1)
        theta = decay + dividend_yield * spot * n(d1) * growth - rate * strike * discount * n(d2)
        rho = strike * years * discount * n(d2) / 100
    else:
        price = strike * discount * n(-d2) - spot * growth * n(-d1)
        delta = growth * (n(d1) - 1)
        theta = decay - dividend_yield * spot * n(-d1) * growth + rate * strike * discount * n(-d2)
        rho = -strike * years * discount * n(-d2) / 100
    return price, delta, gamma, theta / 365, vega, rho


def test_the_greeks_are_the_textbooks_formulas():
    made = random_contracts(120)
    found = greeks(**made)
    for n in range(120):
        wanted = greeks_by_hand(**{name: value[n] for name, value in made.items()})
        mine = [getattr(found, name)[n] for name in found.__slots__]
        assert mine == pytest.approx(wanted, rel=1e-9, abs=1e-9)


def test_the_price_is_the_expectation_of_the_payoff():
    made = random_contracts(12, seed=11)
    found = greeks(**made).price
    for n in range(12):
        wanted = price_by_integral(**{name: value[n] for name, value in made.items()})
        assert found[n] == pytest.approx(wanted, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("name", ["delta", "gamma", "theta", "vega", "rho"])
def test_each_greek_is_the_slope_of_the_price(name):
    made = random_contracts(300, seed=3)
    of, unit, sign = {
        "delta": ("spot", 1.0, 1),
        "gamma": ("spot", 1.0, 1),
        "theta": ("years", 365.0, -1),
        "vega": ("volatility", 100.0, 1),
        "rho": ("rate", 100.0, 1),
    }[name]
    step = 1e-5 * np.maximum(np.abs(made[of]), 0.01)
    part = "delta" if name == "gamma" else "price"
    up = getattr(greeks(**(made | {of: made[of] + step})), part)
    down = getattr(greeks(**(made | {of: made[of] - step})), part)
    slope = sign * (up - down) / (2 * step) / unit
    np.testing.assert_allclose(getattr(greeks(**made), name), slope, rtol=2e-4, atol=2e-6)


def test_published_values():
    """Hull's example of a stock at 42 and of an index at 930; values as the book prints them."""
    stock = greeks(42, 40, 0.5, 0.2, [True, False], rate=0.1)
    assert stock.price.round(2).tolist() == [4.76, 0.81]
    index = greeks(930, 900, 2 / 12, 0.2, [True], rate=0.08, dividend_yield=0.03)
    assert round(float(index.price[0]), 2) == 51.83


def test_the_plain_distribution_is_scipys():
    """One chain is valued without scipy; the figures are the same."""
    x = np.concatenate([np.linspace(-37.0, 9.0, 4001), [0.0, -0.0, np.inf, -np.inf, np.nan]])
    np.testing.assert_allclose(normal.plain(x), special.ndtr(x), rtol=1e-12, atol=0)
    assert normal.plain(np.array(0.5)).shape == ()
    assert normal.plain(np.zeros((2, 3))).shape == (2, 3)


def test_one_chain_is_valued_without_scipy():
    program = (
        "import sys\n"
        "from markets.options.black_scholes import greeks\n"
        "from markets.options.implied import implied_volatility\n"
        "price = greeks([100.0] * 500, 90.0, 0.5, 0.3, True).price\n"
        "found = implied_volatility(price, 100.0, 90.0, 0.5, True).volatility\n"
        "assert abs(found - 0.3).max() < 1e-12\n"
        "assert not {'scipy', 'numba', 'pandas'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)


def test_calls_and_puts_keep_parity():
    made = random_contracts(1000, seed=5)
    call, put = (greeks(**(made | {"is_call": kind})) for kind in (True, False))
    held = made["spot"] * np.exp(-made["dividend_yield"] * made["years"])
    owed = made["strike"] * np.exp(-made["rate"] * made["years"])
    np.testing.assert_allclose(call.price - put.price, held - owed, rtol=1e-11, atol=1e-10)
    np.testing.assert_allclose(call.gamma, put.gamma, rtol=1e-12)


@pytest.mark.parametrize(
    "changed",
    [
        {"spot": 0.0},
        {"spot": math.nan},
        {"strike": -1.0},
        {"years": 0.0},
        {"years": math.inf},
        {"volatility": 0.0},
        {"volatility": math.inf},
        {"rate": math.nan},
        {"dividend_yield": math.inf},
    ],
)
def test_there_is_no_greek_of_what_is_not_possible(changed):
    good = {"spot": 100.0, "strike": 100.0, "years": 0.5, "volatility": 0.2, "is_call": True}
    found = greeks(**(good | changed))
    assert all(np.isnan(getattr(found, name)) for name in found.__slots__)


def test_one_bad_contract_spoils_no_other():
    found = greeks([100.0, 0.0], 100.0, 1.0, 0.2, [True, True])
    assert found.price.shape == (2,)
    assert found.price[0] == pytest.approx(7.965567455405804, rel=1e-12)
    assert np.isnan(found.price[1])


def time_value(price, made):
    owed = made["strike"] * np.exp(-made["rate"] * made["years"])
    held = made["spot"] * np.exp(-made["dividend_yield"] * made["years"])
    return price - np.maximum(np.where(made["is_call"], held - owed, owed - held), 0)


def test_volatility_comes_back_from_the_price():
    made = random_contracts(20_000, seed=13)
    price = greeks(**made).price
    told = {name: value for name, value in made.items() if name != "volatility"}
    found = implied_volatility(price, **told)
    is_clear = time_value(price, made) > 1e-6
    assert is_clear.sum() > 18_000
    assert (found.reason[is_clear] == Missing.NOT_MISSING).all()
    assert np.abs(found.volatility - made["volatility"])[is_clear].max() < 1e-8
    assert np.isnan(found.volatility[found.reason != Missing.NOT_MISSING]).all()


@settings(max_examples=150, deadline=None)
@given(
    spot=st.floats(1, 5000),
    moneyness=st.floats(-1.5, 1.5),
    years=st.floats(1 / 365 / 24, 5),
    volatility=st.floats(0.01, 4),
    is_call=st.booleans(),
    rate=st.floats(-0.02, 0.15),
)
def test_any_price_gives_its_volatility_or_a_reason(
    spot, moneyness, years, volatility, is_call, rate
):
    strike = spot * math.exp(moneyness)
    price = greeks(spot, strike, years, volatility, is_call, rate=rate).price
    found = implied_volatility(price, spot, strike, years, is_call, rate=rate)
    if found.reason != Missing.NOT_MISSING:
        assert np.isnan(found.volatility)
        owed = strike * math.exp(-rate * years)
        outer = price - max(spot - owed if is_call else owed - spot, 0)
        # Only what rounding has eaten, or what stands at its upper bound, is missing.
        assert outer < 1e-9 * spot or price > 0.999999 * (spot if is_call else owed)
        return
    again = greeks(spot, strike, years, found.volatility, is_call, rate=rate).price
    assert float(again) == pytest.approx(float(price), rel=1e-9, abs=1e-11 * max(spot, strike))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"price": 9.9}, Missing.BELOW_INTRINSIC),
        ({"price": 10.0}, Missing.BELOW_INTRINSIC),
        ({"price": 110.0}, Missing.ABOVE_MAXIMUM),
        ({"price": 5000.0}, Missing.ABOVE_MAXIMUM),
        ({"price": math.nan}, Missing.NO_INPUT),
        ({"price": -1.0}, Missing.NO_INPUT),
        ({"spot": 0.0}, Missing.NO_INPUT),
        ({"strike": math.nan}, Missing.NO_INPUT),
        ({"years": 0.0}, Missing.EXPIRED),
        ({"years": -1.0}, Missing.EXPIRED),
        ({"price": 109.9999}, Missing.NOT_MISSING),
        ({"price": 109.9999, "years": 1e-4}, Missing.BEYOND_RANGE),
    ],
)
def test_no_volatility_has_a_reason_and_is_never_zero(changed, reason):
    good = {"price": 15.0, "spot": 110.0, "strike": 100.0, "years": 0.5, "is_call": True}
    found = implied_volatility(**(good | changed))
    assert Missing(int(found.reason)) is reason
    assert bool(np.isnan(found.volatility)) is (reason is not Missing.NOT_MISSING)


def lean_rows():
    if not CHAINS.exists():
        pytest.skip("the recorded chains are not here")
    with gzip.open(CHAINS, "rt") as file:
        return list(csv.DictReader(file))


def test_the_greeks_agree_with_recorded_chains_given_their_volatility():
    """GOOG, 3 days of 2015: American contracts, valued by their publisher with a rate of its own.

    That rate is not told; 1 % fits best. Its volatilities come from other prices than those in
    the file, and early exercise is in its values, so only the bulk can agree.
    """
    rows = lean_rows()
    spots = {row["date"]: float(row["close"]) for row in rows if not row["strike"]}
    known = [row for row in rows if row["strike"] and float(row["implied_volatility"] or 0) > 0.01]
    years = [
        years_to_expiry(
            datetime.strptime(row["expiry"][:8], "%Y%m%d").replace(tzinfo=UTC).date(),
            contracts.expiry_ms(
                datetime.strptime(row["date"], "%Y%m%d").replace(tzinfo=UTC).date()
            ),
        )
        for row in known
    ]
    found = greeks(
        [spots[row["date"]] for row in known],
        [float(row["strike"]) for row in known],
        years,
        [float(row["implied_volatility"]) for row in known],
        [row["right"] == "C" for row in known],
        rate=0.01,
    )
    assert len(known) == 5432
    limits = {"delta": (0.0025, 0.02), "gamma": (3e-5, 6e-4), "vega": (0.013, 0.05)}
    for name, (middle, most) in limits.items():
        wanted = np.array([float(row[name]) for row in known])
        apart = np.abs(getattr(found, name) - wanted)
        apart = apart[np.isfinite(apart)]
        assert len(apart) > 5000
        assert np.median(apart) < middle, name
        assert np.percentile(apart, 95) < most, name


def test_calls_and_puts_of_recorded_quotes_imply_one_smile():
    """Real bid and ask of GOOG: where both are liquid, call and put agree on the volatility."""
    if not QUOTES.exists():
        pytest.skip("the recorded quotes are not here")
    with gzip.open(QUOTES, "rt") as file:
        rows = [row for row in csv.DictReader(file) if row["expiry"] == "20160115"]
    mids = {
        (float(row["strike"]), row["right"]): (float(row["bid"]) + float(row["ask"])) / 2
        for row in rows
        if row["bid"] and row["ask"]
    }
    strikes = np.array([k for k, side in mids if side == "C" and (k, "P") in mids])
    strikes = strikes[np.abs(strikes / 748.4 - 1) < 0.08]
    at_ms = int(datetime(2015, 12, 24, 18, 0, tzinfo=UTC).timestamp() * 1000)
    years = years_to_expiry(date(2016, 1, 15), at_ms)
    sides = [
        implied_volatility(
            [mids[strike, side] for strike in strikes], 748.4, strikes, years, side == "C"
        )
        for side in "CP"
    ]
    assert len(strikes) > 30
    assert all((side.reason == Missing.NOT_MISSING).all() for side in sides)
    assert 0.12 < np.median(sides[0].volatility) < 0.30
    assert np.median(np.abs(sides[0].volatility - sides[1].volatility)) < 0.012


@pytest.mark.parametrize(
    "text", ["AAPL270115C00230000", "AAPL  270115C00230000", "O:AAPL270115C00230000"]
)
def test_a_contract_is_read_in_every_spelling(text):
    found = parse(text)
    assert found == contracts.Contract("AAPL", date(2027, 1, 15), OptionKind.CALL, 230.0)
    assert found.symbol == "AAPL270115C00230000"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "AAPL",
        "AAPL270115X00230000",
        "AAPL270132C00230000",
        "AAPL270229C00230000",
        "AAPL270115C00000000",
        "AAPL270115C0023000",
        "aapl270115C00230000",
        "TOOLONG270115C00230000",
        "AAPL270115C00230000 ",
        "AAPL٢70115C00230000",
        "\x00",
    ],
)
def test_what_names_no_contract_is_refused_with_a_sentence(text):
    with pytest.raises(ContractError, match=r"OCC symbol|does not exist|strike"):
        parse(text)


@given(
    st.from_regex(r"[A-Z]{1,6}", fullmatch=True),
    st.dates(date(2000, 1, 1), date(2099, 12, 31)),
    st.sampled_from(OptionKind),
    st.integers(1, 99_999_999),
)
def test_a_contract_and_its_name_are_the_same(root, expiry, kind, thousandths):
    made = contracts.Contract(root, expiry, kind, thousandths / 1000)
    assert parse(made.symbol) == made


@pytest.mark.parametrize("strike", [0, -5, math.nan, math.inf, 100_000, 1.0005])
def test_a_strike_that_cannot_be_written_is_refused(strike):
    with pytest.raises(ContractError, match="wants 0"):
        contracts.thousandths(strike)


def test_an_option_lives_until_four_in_new_york():
    winter = int(datetime(2027, 1, 15, 21, 0, tzinfo=UTC).timestamp() * 1000)
    summer = int(datetime(2026, 7, 17, 20, 0, tzinfo=UTC).timestamp() * 1000)
    assert contracts.expiry_ms(date(2027, 1, 15)) == winter
    assert contracts.expiry_ms(date(2026, 7, 17)) == summer
    assert years_to_expiry(date(2027, 1, 15), winter + 1) == 0
    assert years_to_expiry(date(2027, 1, 15), winter - 365 * 86_400_000) == 1
    assert contracts.trading_day(winter + 9 * 3_600_000) == date(2027, 1, 16)


def seen(**changes):
    usual = {
        "contract": "AAPL270115C00230000",
        "volume": 1000,
        "open_interest": 5000,
        "past": (900, 1000, 1100, 950, 1050),
        "premium": 50_000.0,
        "days": 60,
        "moneyness": 0.02,
        "side_volume": 20_000,
    }
    return unusual.Seen(**(usual | changes))


def test_usual_trading_is_not_unusual():
    assert unusual.judge(seen()) is None


def test_volume_beyond_the_open_interest_says_its_figures():
    found = unusual.judge(seen(volume=20_000, past=()))
    (reason,) = found.reasons
    assert (reason.code, reason.value, reason.limit) == ("volume_over_open_interest", 4.0, 2.0)
    assert reason.text == "volume 20,000 is 4.0 times the open interest of 5,000"
    assert (found.score, found.typical_volume) == (2.0, None)


def test_volume_beyond_its_own_days_says_how_many_they_are():
    found = unusual.judge(seen(volume=8000, open_interest=None))
    (reason,) = found.reasons
    assert reason.code == "volume_over_typical"
    # Median 1000, median deviation 50: (8000 - 1000) / (1.4826 x 50).
    assert reason.value == pytest.approx(7000 / 74.13, rel=1e-12)
    assert "a median of 1,000 over 5 stored days" in reason.text
    assert (found.score, found.typical_volume) == (3.0, 1000.0)


def test_four_days_are_no_history():
    assert unusual.judge(seen(volume=8000, open_interest=None, past=(1, 1, 1, 1))) is None


def test_a_few_contracts_are_never_unusual():
    assert unusual.judge(seen(volume=99, open_interest=0, past=(0,) * 9)) is None


def test_the_first_contracts_of_a_strike_count():
    found = unusual.judge(seen(volume=500, open_interest=0, past=()))
    assert [reason.code for reason in found.reasons] == ["no_open_interest"]


def test_premium_and_nearness_add_to_a_reason_but_are_none_alone():
    loud = {"premium": 10_000_000.0, "days": 3, "moneyness": 0.08, "side_volume": 20_000}
    assert unusual.judge(seen(volume=10_000, open_interest=9000, past=(), **loud)) is None
    found = unusual.judge(seen(volume=10_000, open_interest=5000, past=(), **loud))
    codes = [reason.code for reason in found.reasons]
    assert codes == ["volume_over_open_interest", "large_premium", "near_expiry_concentration"]
    assert [reason.points for reason in found.reasons] == [1.0, 2.0, 1.0]
    assert "50% of the out-of-the-money volume" in found.reasons[2].text


class Quote:
    def __init__(self, kind, strike, volume=None, open_interest=None, volatility=None):
        self.kind, self.strike, self.volume = kind, strike, volume
        self.open_interest, self.implied_volatility = open_interest, volatility


def test_a_ladder_has_calls_and_puts_side_by_side_around_the_money():
    quotes = [Quote(kind, strike) for strike in (90, 95, 100, 105, 110) for kind in ("call", "put")]
    rungs = chain.ladder([*quotes[1:], Quote("call", 120)])
    assert [rung.strike for rung in rungs] == [90, 95, 100, 105, 110, 120]
    assert rungs[0].call is None
    assert rungs[0].put is quotes[1]
    assert rungs[-1].put is None
    assert [rung.strike for rung in chain.around(rungs, 101.0, 2)] == [95, 100, 105, 110]
    assert len(chain.around(rungs, None, 2)) == 6
    assert [rung.strike for rung in chain.around(rungs, 500.0, 2)] == [110, 120]


def test_ratios_are_missing_where_a_side_is():
    both = [Quote("call", 100, volume=200), Quote("put", 100, volume=50), Quote("put", 90)]
    assert chain.ratio(both, "volume") == 0.25
    assert chain.ratio(both, "open_interest") is None
    assert chain.ratio([Quote("put", 100, volume=5)], "volume") is None
    assert chain.ratio([Quote("call", 100, volume=0), Quote("put", 1, volume=5)], "volume") is None


def test_max_pain_is_where_the_open_contracts_pay_least():
    quotes = [
        Quote("call", 100, open_interest=10),
        Quote("call", 110, open_interest=5),
        Quote("put", 110, open_interest=20),
        Quote("put", 90),
    ]
    # At 90: puts pay 400. At 100: puts pay 200. At 110: calls pay 100.
    assert chain.max_pain(quotes) == 110
    assert chain.max_pain([Quote("call", 100), Quote("put", 100, open_interest=0)]) is None


def test_the_smile_is_that_of_the_side_out_of_the_money():
    quotes = [
        Quote("call", 90, volatility=0.9),
        Quote("put", 90, volatility=0.3),
        Quote("call", 110, volatility=0.2),
        Quote("put", 110, volatility=0.8),
        Quote("call", 120),
    ]
    found = chain.smile(quotes, 100.0)
    assert [(one.strike, one.volatility) for one in found] == [(90, 0.3), (110, 0.2)]
    assert chain.smile(quotes, None) == []
