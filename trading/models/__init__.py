"""Accounts, the ledger, orders and what became of them; money counts integers of smallest units."""

from trading.models.accounts import Account, Deployment
from trading.models.ledger import LedgerAccount, LedgerEntry
from trading.models.making import MakerQuote, MarketMaker
from trading.models.orders import Fill, Order, OrderEvent, Position
from trading.models.risk import Lock, RiskDay, RiskDecision, RiskLimit

__all__ = [
    "Account",
    "Deployment",
    "Fill",
    "LedgerAccount",
    "LedgerEntry",
    "Lock",
    "MakerQuote",
    "MarketMaker",
    "Order",
    "OrderEvent",
    "Position",
    "RiskDay",
    "RiskDecision",
    "RiskLimit",
]
