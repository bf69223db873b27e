"""What a source's row must be to be kept."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date

from markets.options.contracts import ContractError, parse
from markets.providers.rows import OptionKind, OptionRow

LARGEST_COUNT = 10**12
PRICES = ("bid", "ask", "last", "underlying_price")
COUNTS = ("volume", "open_interest")
GREEKS = ("delta", "gamma", "theta", "vega", "rho")


@dataclass(slots=True)
class Checked:
    """Rows that may be kept, and those refused with their reason."""

    rows: list[OptionRow] = field(default_factory=list)
    refused: list[tuple[OptionRow, str]] = field(default_factory=list)


def checked(rows: Iterable[OptionRow], *, ticker: str, expiry: date) -> Checked:
    """Return what of one expiry's chain can be kept; a contract told twice is kept once.

    Adjusted contracts (a root with a digit that the ticker lacks, after a split or merger) deliver
    something else than 100 shares: they are left out and are no fault of the source.
    """
    found, seen = Checked(), set()
    for row in rows:
        reason = fault_of(row, expiry) or ("contract told twice" if row.contract in seen else "")
        if reason:
            found.refused.append((row, reason))
            continue
        seen.add(row.contract)
        if not is_adjusted(row.contract, ticker):
            found.rows.append(_without_empty_sides(row))
    return found


def fault_of(row: OptionRow, expiry: date) -> str:
    """Return why a row is wrong, in a few words; empty where it is possible."""
    return _name_fault(row, expiry) or _value_fault(row)


def is_adjusted(contract: str, ticker: str) -> bool:
    root = parse(contract).root
    return root[-1].isdigit() and root != ticker.replace(".", "")


def _name_fault(row: OptionRow, expiry: date) -> str:
    try:
        named = parse(row.contract)
    except ContractError:
        return "contract is no OCC symbol"
    if not (math.isfinite(row.strike) and row.strike > 0):
        return "strike is not positive"
    same_strike = math.isclose(named.strike, row.strike, rel_tol=1e-6)
    if named.expiry != row.expiry or named.kind is not row.kind or not same_strike:
        return "contract and its strike, kind or expiry differ"
    return "" if row.expiry == expiry else "another expiry than asked for"


def _value_fault(row: OptionRow) -> str:
    prices = [value for name in PRICES if (value := getattr(row, name)) is not None]
    if not all(math.isfinite(value) and value >= 0 for value in prices):
        return "a price is not possible"
    if row.bid is not None and row.ask and row.bid > row.ask:
        return "bid above ask"
    counts = [value for name in COUNTS if (value := getattr(row, name)) is not None]
    if not all(0 <= value <= LARGEST_COUNT for value in counts):
        return "volume or open interest is not possible"
    told = [value for name in GREEKS if (value := getattr(row, name)) is not None]
    if row.implied_volatility is not None:
        told.append(row.implied_volatility)
    if not all(math.isfinite(value) for value in told) or (row.implied_volatility or 0) < 0:
        return "volatility or a greek is not possible"
    if row.delta is not None and not _is_delta(row.delta, row.kind):
        return "volatility or a greek is not possible"
    return ""


def _is_delta(value: float, kind: OptionKind) -> bool:
    low, high = (0.0, 1.0) if kind is OptionKind.CALL else (-1.0, 0.0)
    return low - 1e-6 <= value <= high + 1e-6


def _without_empty_sides(row: OptionRow) -> OptionRow:
    """Return the row with 0 read as "nobody": an ask of 0, and with it a bid of 0, is no quote."""
    ask = row.ask or None
    bid = None if ask is None and not row.bid else row.bid
    return replace(row, bid=bid, ask=ask, last=row.last or None)
