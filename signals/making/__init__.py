"""Quotes on both sides of a book: what to ask and bid for, given what is held.

Pure: prices are integers of price units, quantities integers of base units, times milliseconds
that the caller tells. The method is that of Avellaneda and Stoikov (docs/strategies/market-making).
"""

from signals.making.estimates import OrderFlowDecay, Volatility
from signals.making.maker import Maker, Wanted
from signals.making.parameters import Parameters, ParametersError
from signals.making.queue import Cancels, FillModel
from signals.making.quoting import Grid, Quotes, optimal_spread, quotes, reservation_price
from signals.making.simulator import Report, simulate
from signals.making.tape import Depth, Top, Trade
from signals.making.withdrawal import Hold, MarketNow, withdrawal

__all__ = [
    "Cancels",
    "Depth",
    "FillModel",
    "Grid",
    "Hold",
    "Maker",
    "MarketNow",
    "OrderFlowDecay",
    "Parameters",
    "ParametersError",
    "Quotes",
    "Report",
    "Top",
    "Trade",
    "Volatility",
    "Wanted",
    "optimal_spread",
    "quotes",
    "reservation_price",
    "simulate",
    "withdrawal",
]
