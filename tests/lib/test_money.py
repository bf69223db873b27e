"""Exactness of amounts, against hand calculations and `fractions`."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mystic.lib import money


@pytest.mark.parametrize(
    ("text", "scale", "units"),
    [
        ("10000", 8, 1_000_000_000_000),
        ("0.00000001", 8, 1),
        ("-2.5", 1, -25),
        ("61837.64", 2, 6183764),
    ],
)
def test_units_are_exact(text, scale, units):
    assert money.to_units(Decimal(text), scale) == units
    assert money.from_units(units, scale) == Decimal(text)


@pytest.mark.parametrize("text", ["0.000000001", "92233720368.54775808"])
def test_what_does_not_fit_is_refused(text):
    with pytest.raises(money.AmountError):
        money.to_units(Decimal(text), 8)


@pytest.mark.parametrize(
    "text",
    ["1e3", "+1", ".5", "1.", " 1", "1_000", "١٢", "NaN", "Infinity", "", "0x10", 1.5, None, True],
)
def test_only_plain_digits_are_a_number(text):
    with pytest.raises(money.AmountError):
        money.parse_amount(text)


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.integers(0, 18))
def test_shown_text_reads_back_to_the_same_units(units, scale):
    assert money.to_units(Decimal(money.shown(units, scale)), scale) == units


@given(st.integers(1, 10**15), st.integers(1, 10**12), st.booleans())
def test_notional_is_rounded_against_the_trader(quantity, price, is_rounded_up):
    exact = Fraction(quantity * price, 10**8)
    units = money.notional_units(
        quantity, price, base_scale=8, price_scale=8, quote_scale=8, is_rounded_up=is_rounded_up
    )
    assert 0 <= (units - exact if is_rounded_up else exact - units) < 1


@given(st.integers(1, 10**13), st.integers(0, 8))
def test_a_market_price_keeps_every_digit_of_the_venue(units, scale):
    assert money.price_units(float(money.from_units(units, scale)), scale) == units
