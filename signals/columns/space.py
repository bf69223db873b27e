"""The `x` of a strategy: what can be looked at."""

from collections.abc import Callable
from typing import Never

from markets.types import TIMEFRAME_SECONDS
from signals.columns.clock import Clock
from signals.columns.column import Column
from signals.columns.errors import ColumnError
from signals.columns.feeds import BookSpace, feed_column, macro_name
from signals.columns.graph import Arg, Graph
from signals.columns.model_column import PROBABILITY, ModelColumn, model_column, said
from signals.columns.refusals import refuse_attribute, whole_number
from signals.columns.smc_space import SmcSpace
from signals.columns.words.calendar import CalendarWords
from signals.columns.words.candles import CandleWords
from signals.columns.words.catalogue import CatalogueWords
from signals.columns.words.oscillators import OscillatorWords
from signals.columns.words.trend import TrendWords
from signals.columns.words.volatility import VolatilityWords
from signals.columns.words.volume import VolumeWords
from signals.indicators.warmup import rma_history

Describe = Callable[["Space"], Column]


class Space(
    TrendWords,
    OscillatorWords,
    VolatilityWords,
    VolumeWords,
    CalendarWords,
    CatalogueWords,
    CandleWords,
):
    """The closed bars of one series, as columns.

    Attributes
    ----------
    open, high, low, close, volume : Column
        The bar that just closed.
    smc : SmcSpace
        Smart-Money structure; `x.smc(swing=10)` chooses the swing length.
    book : BookSpace
        The order book by the minute; `x.book(max_age="5m")` forgets sooner.
    """

    __slots__ = ("_clock", "_graph", "book", "close", "high", "low", "open", "smc", "volume")

    def __init__(self, graph: Graph, clock: Clock) -> None:
        self._graph, self._clock = graph, clock
        self.open, self.high = self._source("open"), self._source("high")
        self.low, self.close = self._source("low"), self._source("close")
        self.volume = self._source("volume")
        self.smc = SmcSpace(graph, clock, tuple(one.node for one in self._prices()))
        self.book = BookSpace(graph, clock)

    def atr(self, bars: int) -> Column:
        """Return the average true range with Wilder's average."""
        count = whole_number("atr", bars, low=1)
        node = self._graph.node(
            "atr",
            self._clock,
            inputs=(self.high.node, self.low.node, self.close.node),
            args=(count,),
            history=rma_history(count) + 1,
        )
        return Column(self._graph, node)

    def tf(self, timeframe: str, describe: Describe) -> Column:
        """Return a column of a higher timeframe, as of its last bar that had closed."""
        seconds = TIMEFRAME_SECONDS.get(timeframe)
        if seconds is None:
            raise ColumnError(f"x.tf knows {', '.join(TIMEFRAME_SECONDS)}, not {timeframe!r}")
        if seconds < self._clock.timeframe or seconds % self._clock.timeframe:
            raise ColumnError(
                f"x.tf goes up, from {self._clock} to a multiple of it; {timeframe} is not one"
            )
        return self._aligned(Clock(self._clock.symbol, seconds), describe)

    def symbol(self, symbol: object, describe: Describe) -> Column:
        """Return a column of another symbol, as of its last bar that had closed."""
        if not isinstance(symbol, str) or not symbol:
            raise ColumnError(f'x.symbol takes a name like "BTC/USDT", not {symbol!r}')
        return self._aligned(Clock(symbol, self._clock.timeframe), describe)

    def feed(self, name: object, *, max_age: object = None) -> Column:
        """Return the newest point of a feed that was known at the bar's close."""
        return feed_column(self._graph, self._clock, name, max_age)

    def macro(self, series: object, *, max_age: object = None) -> Column:
        """Return the newest period of a macro series as it was published by the bar's close."""
        return self.feed(macro_name(series), max_age=max_age)

    def news(self, *, max_age: object = None) -> Column:
        """Return the mean tone, -1 to 1, of the newest hour that had news of this instrument."""
        return self.feed("news", max_age=max_age)

    def model(self, name: object, what: object = PROBABILITY) -> ModelColumn:
        """Return what a trained model says: its probability of a rise, or a quantile by name."""
        found = model_column(self, self._graph, self._clock, self._time(), name)
        return found if what == PROBABILITY else said(found, what)

    def _aligned(self, clock: Clock, describe: Describe) -> Column:
        if clock == self._clock:
            return describe(self)
        inner = describe(Space(self._graph, clock))
        if not isinstance(inner, Column):
            raise ColumnError(f"the function given for {clock} must return a column")
        if inner.node.clock != clock:
            raise ColumnError(f"the function given for {clock} must use its own argument")
        node = self._graph.node(
            "align", self._clock, inputs=(inner.node,), is_flag=inner.node.is_flag
        )
        return Column(self._graph, node)

    def _of(
        self,
        op: str,
        inputs: tuple[Column, ...],
        *args: Arg,
        history: int = 0,
        is_flag: bool = False,
    ) -> Column:
        node = self._graph.node(
            op,
            self._clock,
            inputs=tuple(one.node for one in inputs),
            args=args,
            history=history,
            is_flag=is_flag,
        )
        return Column(self._graph, node)

    def _time(self) -> Column:
        return self._source("open_time")

    def _source(self, name: str) -> Column:
        return Column(self._graph, self._graph.node("source", self._clock, args=(name,)))

    def _prices(self) -> tuple[Column, ...]:
        return self.open, self.high, self.low, self.close

    def __getattr__(self, name: str) -> Never:
        raise refuse_attribute("x", name, NAMES)

    def __getitem__(self, key: object) -> Never:
        raise ColumnError(
            f"x cannot be indexed ([{key!r}]): it has no rows, later bars among them; "
            "use x.close.lag(n) for an earlier bar"
        )

    def __iter__(self) -> Never:
        raise ColumnError("x cannot be iterated: a strategy sees one bar, the one that closed")

    def __len__(self) -> Never:
        raise ColumnError("x has no length: how many bars there are is known only after the last")


NAMES = tuple(name for name in dir(Space) if not name.startswith("_"))
