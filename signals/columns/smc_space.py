"""`x.smc`: Smart-Money structure as columns."""

from signals.columns.clock import Clock
from signals.columns.column import Column
from signals.columns.graph import Graph, Node
from signals.columns.refusals import refuse_attribute, whole_number
from signals.columns.smc_fields import FIELDS, HISTORY
from signals.columns.smc_fields import FLAGS as FLAG_FIELDS


class SmcSpace:
    """Swings, structure, order blocks and fair value gaps as known at the bar's close.

    Its attributes are listed in `signals.columns.smc_fields.FIELDS`. Ages are bars since the close
    that confirmed the thing (0: this bar confirmed it). What was confirmed more than 384 bars ago
    is forgotten, and its columns are missing.
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

    def __getattr__(self, name: str) -> Column:
        if name not in FIELDS:
            raise _unknown(name)
        detector = self._graph.node(
            "smc", self._clock, inputs=self._prices, args=(self._swing,), history=HISTORY
        )
        node = self._graph.node(
            "field",
            self._clock,
            inputs=(detector,),
            args=(FIELDS.index(name),),
            is_flag=name in FLAG_FIELDS,
        )
        return Column(self._graph, node)


def _unknown(name: str) -> Exception:
    return refuse_attribute("x.smc", name, FIELDS)
