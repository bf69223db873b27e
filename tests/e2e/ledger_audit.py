"""Check a platform's whole database after a run, by plain SQL: nothing of the product is called."""

import sqlite3
from collections import Counter
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

DUST = 1


Row = dict[str, Any]


class Books:
    """The tables of one run on SQLite, read only."""

    def __init__(self, folder: Path) -> None:
        self.connection = sqlite3.connect(f"file:{folder / 'mystic.sqlite3'}?mode=ro", uri=True)
        self.connection.row_factory = sqlite3.Row

    def rows(self, sql: str, *args: Any) -> list[Row]:
        return [dict(row) for row in self.connection.execute(sql, args)]

    def one(self, sql: str, *args: Any) -> Any:
        return next(iter(self.rows(sql, *args)[0].values()))


class PostgresBooks(Books):
    """The same tables on PostgreSQL."""

    def __init__(self, url: str) -> None:
        self.pg = psycopg.connect(url, autocommit=True, row_factory=dict_row)

    def rows(self, sql: str, *args: Any) -> list[Row]:
        return self.pg.execute(sql.replace("?", "%s"), args or None).fetchall()


def audit_ledger(books: Books) -> None:
    """Every pot equals its entries, each asset sums to zero, no user's pot is below zero."""
    entries = books.rows("select debit_id, credit_id, amount from trading_ledgerentry")
    found: Counter[int] = Counter()
    for entry in entries:
        found[entry["debit_id"]] -= entry["amount"]
        found[entry["credit_id"]] += entry["amount"]
    sums: Counter[str] = Counter()
    for pot in books.rows("select * from trading_ledgeraccount"):
        assert pot["balance"] == found[pot["id"]], dict(pot)
        assert pot["balance"] >= 0 or pot["kind"] in {"venue", "funding"}, dict(pot)
        sums[pot["asset"]] += pot["balance"]
    assert set(sums.values()) == {0}, sums


def audit_orders(books: Books) -> None:
    """Each order was approved, filled by exactly its fills, and moved one step at a time."""
    for order in books.rows(
        "select o.*, r.verdict from trading_order o"
        " join trading_riskdecision r on r.id = o.risk_decision_id"
    ):
        fills = books.rows("select * from trading_fill where order_id = ?", order["id"])
        assert sum(fill["quantity"] for fill in fills) == order["filled"] <= order["quantity"]
        assert order["verdict"] == "approved" or (order["status"] == "denied" and not fills)
        assert (order["status"] == "filled") == (order["filled"] == order["quantity"])
        events = books.rows(
            "select * from trading_orderevent where order_id = ? order by seq", order["id"]
        )
        assert [event["seq"] for event in events] == list(
            range(events[0]["seq"], events[0]["seq"] + len(events))
        )
        for before, after in pairwise(events):
            assert after["from_status"] == before["to_status"]
        assert events[-1]["to_status"] == order["status"]
    doubled = books.rows(
        "select deployment_id, signal_id, side from trading_order"
        " where signal_id is not null group by 1, 2, 3 having count(*) > 1"
    )
    assert doubled == []


def audit_positions(books: Books) -> None:
    """Each position is what its fills make it; an exit sold exactly what was bought."""
    for position in books.rows("select * from trading_position"):
        held = Fraction(0)
        realised = fees = 0
        for fill in books.rows(
            "select f.*, o.side from trading_fill f join trading_order o on o.id = f.order_id"
            " where o.position_id = ? order by f.id",
            position["id"],
        ):
            held += fill["quantity"] if fill["side"] == "buy" else -fill["quantity"]
            realised += fill["realised"]
            fees += fill["fee"]
            assert held >= 0
            assert 0 <= fill["quote_age_ms"] <= fill["max_age_ms"]
            assert fill["origin"] == "replay"
            assert fill["source"] == "replay:binance"
        assert held == position["quantity"]
        assert (position["closed_at"] is not None) == (held == 0)
        assert realised == position["realised"]
        assert fees == position["fees"]


def audit_equity(books: Books, *, opening: int, currency: str) -> None:
    """Without open positions, cash is the opening balance plus every realised unit."""
    open_quantity = books.one("select coalesce(sum(quantity), 0) from trading_position")
    cash = books.one(
        "select sum(balance) from trading_ledgeraccount"
        " where kind in ('cash', 'reserved') and asset = ?",
        currency,
    )
    realised = books.one("select coalesce(sum(realised), 0) from trading_position")
    cost = books.one("select coalesce(sum(cost), 0) from trading_position where quantity > 0")
    if open_quantity == 0:
        assert cash == opening + realised
    else:
        assert abs(cash + cost - opening - realised) <= DUST


def audit_decisions(books: Books) -> None:
    """Each strategy decided each bar of its series once, without a hole in time."""
    for pair in books.rows(
        "select strategy_id, instrument_id, s.timeframe from signals_decision d"
        " join signals_strategy s on s.id = d.strategy_id group by 1, 2, 3"
    ):
        decided = [
            row["bar_open"]
            for row in books.rows(
                "select bar_open from signals_decision"
                " where strategy_id = ? and instrument_id = ? order by bar_open",
                pair["strategy_id"],
                pair["instrument_id"],
            )
        ]
        assert len(decided) == len(set(decided))
        stored = {
            row["open_time"] // pair["timeframe"] * pair["timeframe"]
            for row in books.rows(
                "select open_time from markets_candle where instrument_id = ?",
                pair["instrument_id"],
            )
        }
        expected = sorted(opened for opened in stored if decided[0] <= opened <= decided[-1])
        missing, extra = set(expected) - set(decided), set(decided) - set(expected)
        assert (sorted(missing), sorted(extra)) == ([], []), (decided[0], decided[-1])
    wants = books.rows(
        "select d.id from signals_decision d left join signals_signal s on s.decision_id = d.id"
        " where (d.verdict in ('enter_long', 'exit')) != (s.id is not null)"
    )
    assert wants == []


def audit_alerts(books: Books, owner_id: int) -> None:
    """Each fill and each timely signal told its user once, on every channel of the rule."""
    fills = books.one("select count(*) from trading_fill")
    told = books.one(
        "select count(*) from notifications_alert where kind = 'fill' and user_id = ?", owner_id
    )
    assert told == fills
    assert (
        books.one(
            "select count(*) from (select alert_id from notifications_delivery"
            " group by alert_id, channel_id having count(*) > 1) doubled"
        )
        == 0
    )


def audit[B: Books](books: B, *, opening: int = 10_000 * 10**8, currency: str = "USDT") -> B:
    """Run every check; return the books for the test's own questions."""
    if not isinstance(books, PostgresBooks):
        assert books.one("pragma integrity_check") == "ok"
    audit_ledger(books)
    audit_orders(books)
    audit_positions(books)
    audit_equity(books, opening=opening, currency=currency)
    audit_decisions(books)
    audit_alerts(books, owner_id=books.one("select min(id) from mystic_user"))
    return books
