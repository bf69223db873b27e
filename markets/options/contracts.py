"""Names of listed US options, and when they expire.

The OCC symbol is root, expiry as yymmdd, C or P, strike x 1000 in eight digits:
`AAPL270115C00230000` (OCC Options Symbology Initiative). Sources write it without the blanks that
pad the root to six characters; both are read.
"""

import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from markets.providers.rows import OptionKind

EXCHANGE_ZONE = ZoneInfo("America/New_York")
EXPIRY_HOUR = time(16, 0)
YEAR_MS = 365 * 86_400_000
# Contracts deliver so many shares unless a corporate action changed them.
SHARES = 100
_OCC = re.compile(r"(?:O:)?([A-Z][A-Z0-9.]{0,5}) {0,5}([0-9]{6})([CP])([0-9]{8})")


class ContractError(ValueError):
    """The text is not the name of an option; the sentence says what is wrong."""


@dataclass(frozen=True, slots=True)
class Contract:
    """One listed option; `strike` in the quote asset, for one share."""

    root: str
    expiry: date
    kind: OptionKind
    strike: float

    @property
    def symbol(self) -> str:
        """The OCC symbol without blanks: `AAPL270115C00230000`."""
        letter = "C" if self.kind is OptionKind.CALL else "P"
        return f"{self.root}{self.expiry:%y%m%d}{letter}{thousandths(self.strike):08d}"


def parse(symbol: str) -> Contract:
    """Return the contract that an OCC symbol names, with or without blanks or the prefix `O:`.

    Raises
    ------
    ContractError
        If the form is not that of an OCC symbol, its date does not exist or its strike is 0.
    """
    found = _OCC.fullmatch(symbol) if symbol.isascii() and len(symbol) <= 24 else None
    if found is None:
        message = f"{symbol[:30]!r} is no OCC symbol; one looks like AAPL270115C00230000"
        raise ContractError(message)
    root, day, letter, digits = found.groups()
    try:
        expiry = date(2000 + int(day[:2]), int(day[2:4]), int(day[4:]))
    except ValueError:
        message = f"{symbol!r} names the day {day}, which does not exist; wants yymmdd"
        raise ContractError(message) from None
    if int(digits) == 0:
        message = f"{symbol!r} has a strike of 0; a strike is positive"
        raise ContractError(message)
    kind = OptionKind.CALL if letter == "C" else OptionKind.PUT
    return Contract(root, expiry, kind, int(digits) / 1000)


def thousandths(strike: float) -> int:
    """Return a strike in thousandths, as OCC symbols carry it.

    Raises
    ------
    ContractError
        If it is not positive, or not a whole number of thousandths of at most eight digits.
    """
    units = round(strike * 1000) if math.isfinite(strike) else 0
    if not 0 < units < 10**8 or abs(units - strike * 1000) > 1e-6 * units:
        message = f"a strike of {strike} cannot be written; wants 0.001 to 99999.999, in 0.001"
        raise ContractError(message)
    return units


def expiry_ms(expiry: date) -> int:
    """Return when a contract expires, UTC epoch milliseconds: 16:00 in New York of its day.

    Index options that settle at the open are not told apart; for them the time is too long by
    the hours of one session.
    """
    moment = datetime.combine(expiry, EXPIRY_HOUR, EXCHANGE_ZONE)
    return int(moment.astimezone(UTC).timestamp() * 1000)


def years_to_expiry(expiry: date, at_ms: int) -> float:
    """Return the years of 365 days from `at_ms` (UTC epoch milliseconds); 0 once expired."""
    return max(0, expiry_ms(expiry) - at_ms) / YEAR_MS


def trading_day(at_ms: int) -> date:
    """Return the day in New York at a moment, UTC epoch milliseconds."""
    return datetime.fromtimestamp(at_ms / 1000, tz=EXCHANGE_ZONE).date()
