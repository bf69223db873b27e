"""Accounts, the ledger, orders and what became of them; money counts integers of smallest units."""

from trading.models.accounts import Account, Deployment
from trading.models.ledger import LedgerAccount, LedgerEntry
from trading.models.making import MakerQuote, MarketMaker
from trading.models.orders import Fill, Order, OrderEvent, Position
from trading.models.parity import ParityDifference, ParityReport
from trading.models.research import BacktestResult, BacktestRun, Fold, Sweep, Trial
from trading.models.risk import Lock, RiskDay, RiskDecision, RiskLimit

__all__ = [
    "Account",
    "BacktestResult",
    "BacktestRun",
    "Deployment",
    "Fill",
    "Fold",
    "LedgerAccount",
    "LedgerEntry",
    "Lock",
    "MakerQuote",
    "MarketMaker",
    "Order",
    "OrderEvent",
    "ParityDifference",
    "ParityReport",
    "Position",
    "RiskDay",
    "RiskDecision",
    "RiskLimit",
    "Sweep",
    "Trial",
]
