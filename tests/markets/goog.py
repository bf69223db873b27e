"""The recorded chain of GOOG of 24 December 2015, 13:00 in New York, as a source's rows."""

import csv
import gzip
from datetime import UTC, date, datetime, timedelta

import pytest

from markets.options.contracts import Contract
from markets.providers.rows import OptionKind, OptionRow
from tests.product import TEST_DATA

CLOSE_MS = int(datetime(2015, 12, 24, 18, 0, tzinfo=UTC).timestamp() * 1000)
EXPIRIES = [date(2015, 12, 31), date(2016, 1, 8), date(2016, 1, 15)]
SPOT = 748.40


def _table(name):
    path = TEST_DATA / "options" / name
    if not path.exists():
        pytest.skip("the recorded chains are not here")
    with gzip.open(path, "rt") as file:
        return list(csv.DictReader(file))


def _day(text):
    return datetime.strptime(text[:8], "%Y%m%d").replace(tzinfo=UTC).date()


def chain(expiry, *, moved=timedelta(0)):
    """Rows of one expiry: bid and ask of the last minute, volume and open interest of the day.

    `moved` moves the expiry, for a look at the page on another day.
    """
    counts = {
        (row["strike"], row["right"]): row
        for row in _table("lean_GOOG_chain_greeks.csv.gz")
        if row["date"] == "20151224" and row["strike"] and _day(row["expiry"]) == expiry
    }
    rows = []
    for quote in _table("lean_GOOG_quotes_lastbar_20151224.csv.gz"):
        if _day(quote["expiry"]) != expiry:
            continue
        kind = OptionKind.CALL if quote["right"] == "C" else OptionKind.PUT
        strike = float(quote["strike"])
        told = counts.get((quote["strike"], quote["right"]), {})
        rows.append(
            OptionRow(
                contract=Contract("GOOG", expiry + moved, kind, strike).symbol,
                underlying="GOOG",
                kind=kind,
                strike=strike,
                expiry=expiry + moved,
                bid=float(quote["bid"] or 0),
                ask=float(quote["ask"] or 0),
                volume=int(float(told["volume"])) if told.get("volume") else None,
                open_interest=int(float(told["open_interest"]))
                if told.get("open_interest")
                else None,
                underlying_price=SPOT,
            )
        )
    return rows
