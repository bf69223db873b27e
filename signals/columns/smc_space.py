"""`x.smc`: Smart-Money structure as columns."""

from signals.columns.clock import Clock
from signals.columns.column import Column
from signals.columns.errors import ColumnError
from signals.columns.graph import Graph, Node
from signals.columns.refusals import refuse_attribute, whole_number
from signals.columns.smc_fields import FIELDS, FLAGS, history
from signals.columns.smc_levels import DAY, HOUR, LEVEL_FIELDS, LEVEL_FLAGS, LEVELS, seconds_back

DIRECTIONS = {"bullish": 1, "bearish": -1}


class SmcSpace:
    """Swings, structure, zones, liquidity and levels as known at the bar's close.

    Its attributes are listed in `signals.columns.smc_fields.FIELDS` and
    `signals.columns.smc_levels.LEVEL_FIELDS`. Ages are bars since the close that confirmed the
    thing (0: this bar confirmed it). What was confirmed more than 384 bars ago is forgotten, and
    its columns are missing.
    """

    __slots__ = ("_clock", "_graph", "_prices", "_swing")

    def __init__(
        self, graph: Graph, clock: Clock, prices: tuple[Node, ...], swing: int = 5
    ) -> None:
        self._graph, self._clock, self._prices, self._swing = graph, clock, prices, swing

    def __call__(self, *, swing: int) -> "SmcSpace":
        """Return the same with another swing length (bars on either side)."""
        count = whole_number("x.smc(swing=...)", swing, low=1)
        return SmcSpace(self._graph, self._clock, self._prices, count)

    def confluence(self, direction: object, *trends: Column) -> Column:
        """Return how much speaks for the nearest order block, 0 to 1; missing without a block.

        The mean of the block's quality (`bullish_ob_quality`, `bearish_ob_quality`) and, for every
        trend given, 1 where it points the same way. Give it the trends of higher timeframes:
        `x.smc.confluence("bullish", x.tf("1h", lambda h: h.smc.trend))`.
        """
        sign = DIRECTIONS.get(direction) if isinstance(direction, str) else None
        if sign is None:
            raise ColumnError(
                f'x.smc.confluence takes "bullish" or "bearish" first, not {direction!r}'
            )
        total: Column = getattr(self, f"{direction}_ob_quality")
        for trend in trends:
            if not isinstance(trend, Column):
                raise ColumnError(
                    "x.smc.confluence takes columns that are 1 or -1, such as "
                    f'x.tf("1h", lambda h: h.smc.trend), not {trend!r}'
                )
            total = total + (trend == sign).otherwise(0)
        return total / (1 + len(trends))

    def __getattr__(self, name: str) -> Column:
        if name in LEVELS:
            return self._level(name)
        if name not in FIELDS:
            raise _unknown(name)
        table = self._graph.node(
            "smc",
            self._clock,
            inputs=self._prices,
            args=(self._swing,),
            history=history(self._swing),
        )
        return self._field(table, FIELDS.index(name), is_flag=name in FLAGS)

    def _level(self, name: str) -> Column:
        op, what, place = LEVELS[name]
        step = self._clock.timeframe
        longest = HOUR if op == "smc_session" else DAY // 2
        if step > longest:
            raise ColumnError(
                f"x.smc.{name} needs bars of at most {longest // HOUR} h; here they are "
                f"{self._clock}; ask for it inside x.tf of a shorter timeframe's strategy"
            )
        open_time = self._graph.node("source", self._clock, args=("open_time",))
        table = self._graph.node(
            op,
            self._clock,
            inputs=(open_time, self._prices[1], self._prices[2]),
            args=(what,),
            history=-(-seconds_back(op, what) // step),
        )
        return self._field(table, place, is_flag=name in LEVEL_FLAGS)

    def _field(self, table: Node, place: int, *, is_flag: bool) -> Column:
        node = self._graph.node(
            "field", self._clock, inputs=(table,), args=(place,), is_flag=is_flag
        )
        return Column(self._graph, node)


def _unknown(name: str) -> Exception:
    return refuse_attribute("x.smc", name, (*FIELDS, *LEVEL_FIELDS, "confluence"))
