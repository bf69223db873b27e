"""The values of a plan's nodes for many blocks at once, with the bits of a calculation of each."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from signals.columns.bulk_forms import LOOKS_BACK, ROW_BY_ROW, Forms, rows_behind, streamed_of
from signals.columns.bulk_late import Late
from signals.columns.bulk_layout import Layout, Rows, Spans
from signals.columns.column_cache import ColumnCache
from signals.columns.feeds import feed_values
from signals.columns.graph import Node
from signals.columns.kernel import Faulty
from signals.columns.kernels import SHARED, Field, make_kernel
from signals.columns.series import Floats, InstrumentKey, SeriesProvider, check_bars
from signals.indicators.hot import Streamed
from signals.indicators.row_by_row import OPERATORS
from signals.indicators.segments import Stretches, calculate

Form = Literal["near", "full"]
SHIFTED = frozenset(("lag", "rolling_max", "rolling_min"))


class TooFewRowsError(Exception):
    """Bars are absent, so that a block has fewer rows before its own than are needed."""


class Stack:
    """The bars of a plan's series for some blocks in a row, and what is calculated on them.

    Values of several kinds (a table) have the shape (kinds, rows).

    Attributes
    ----------
    own : Layout
        The rows of the blocks themselves.
    late : Late
        What is calculated where it decides.
    faults : mapping
        What a strategy's own code did wrong, by the row of the series.
    """

    def __init__(
        self,
        forms: Forms,
        provider: SeriesProvider,
        instrument: InstrumentKey,
        spans: Spans,
        cache: ColumnCache | None,
    ) -> None:
        self.forms, self.plan, self.spans = forms, forms.plan, spans
        self._provider, self._cache, self._home = provider, cache, instrument
        symbol = self.plan.clock.symbol
        self.instrument = instrument if symbol is None else symbol
        self.step = self.plan.clock.timeframe
        start, through = int(spans.starts[0]), int(spans.through[-1])
        self.bars = provider.bars(self.instrument, self.step, start, through)
        checked = (self.instrument, self.step, start, through)
        if cache is None or not cache.has(checked):
            check_bars(self.bars, self.step)
        if cache is not None:
            cache.note(checked)
        opens = self.bars.open_time
        begin = np.searchsorted(opens, spans.starts)
        end = np.maximum(np.searchsorted(opens, spans.through, side="right"), begin)
        own = np.clip(np.searchsorted(opens, spans.own, side=spans.side) - spans.held, begin, end)
        self.own, self.full = Layout(own, end), Layout(begin, end)
        self.near = Layout(np.maximum(begin, own - forms.near), end)
        self.faults: dict[int, str] = {}
        self._flat: dict[int, Floats] = {}
        self._layouts: Mapping[Form, Layout] = {"near": self.near, "full": self.full}
        self._found: Mapping[Form, dict[int, Floats]] = {"near": {}, "full": {}}
        self.late = Late(self)
        self._refuse_few()

    def _refuse_few(self) -> None:
        if self.forms.flat is self.forms.now:
            return  # everything is calculated from where its block begins
        has_rows = self.own.counts > 0
        before = (self.own.first - self.full.first)[has_rows]
        if (before < self.plan.need).any():
            raise TooFewRowsError

    # -- calculating -------------------------------------------------------------------------

    def calculate(self) -> None:
        """Calculate every node."""
        if not len(self.bars.open_time):
            return
        with np.errstate(all="ignore"):  # a missing value is no mistake
            self._calculate()

    def _calculate(self) -> None:
        parents = [self._parent(number) for number in range(len(self.plan.parents))]
        for node in self.plan.nodes:
            key = id(node)
            if key in self.forms.late:
                continue
            if key in self.forms.flat and node.op != "constant":
                self._flat[key] = self._calculated_flat(node)
            if key in self.forms.full:
                self._found["full"][key] = self._kept(node, "full", parents)
            elif key not in self.forms.flat:
                self._found["near"][key] = self._kept(node, "near", parents)

    def _calculated_flat(self, node: Node) -> Floats:
        if node.op == "source":
            source: Floats = np.asarray(getattr(self.bars, str(node.args[0])), dtype=np.float64)
            return source
        if node.op == "feed":
            closes = self.bars.open_time + self.step
            return feed_values(node, self._provider, self.instrument, closes)
        if isinstance(self.forms.kernels[id(node)], ROW_BY_ROW):
            return self._row_by_row(node, None)
        kernel = make_kernel(node.op, node.args)
        values = kernel.push([self.flat_of(one) for one in node.inputs])
        if isinstance(kernel, Faulty):
            for row, fault in kernel.faults.items():
                self.faults.setdefault(row, fault)
        return values

    def _kept(self, node: Node, form: Form, parents: "Sequence[Stack]") -> Floats:
        """Return values from the cache, or calculate them and keep them there."""
        cache = self._cache
        is_cheap = isinstance(self.forms.kernels.get(id(node)), ROW_BY_ROW) or node.op in SHIFTED
        number = None if cache is None or is_cheap else cache.number(node, self.forms.numbers)
        if cache is None or number is None:
            return self._calculated(node, form, parents)
        spans = self.spans
        span = int(spans.own[0]), int(spans.through[-1]), len(spans.own)
        rows = self.forms.near if form == "near" else -1
        begin = self._begin(node, form)
        key = (number, self._home, span, begin, rows, self.forms.back.get(id(node)))
        found = cache.get(key)
        if found is None:
            found = self._calculated(node, form, parents)
            cache.put(key, found)
        return found

    def _begin(self, node: Node, form: Form) -> Hashable:
        """Return what of the beginning of each block's calculation a node's values depend on.

        Of windows over the bars themselves it is how many bars of a last window are left between
        the beginning and the block, so that strategies of unequal reach share them.
        """
        streamed = streamed_of(self.forms.kernels.get(id(node)))
        is_on_bars = all(id(one) in self.forms.now for one in node.inputs)
        if form == "near" and is_on_bars and streamed is not None and streamed.hot.is_windowed:
            bars = int(streamed.begin[1][0])
            before = self.own.first - self.full.first
            least = max(self.forms.near, self.forms.back.get(id(node), 0) + bars - 1)
            if (before >= least).all():
                phase: Rows = before % bars
                return phase.tobytes()
        return int(self.spans.starts[0])

    def _calculated(self, node: Node, form: Form, parents: "Sequence[Stack]") -> Floats:
        if node.op == "align":
            return self._aligned(node, form, parents)
        kernel = self.forms.kernels[id(node)]
        if isinstance(kernel, ROW_BY_ROW):
            return self._row_by_row(node, form)
        if node.op in SHIFTED:
            values = make_kernel(node.op, node.args).push([self.values(node.inputs[0], form)])
            if form == "full":
                self.full.forget_first(values, LOOKS_BACK[node.op](*node.args))
            return values
        streamed = streamed_of(kernel)
        if streamed is not None:
            return self._streamed(node, streamed, form)
        return self._one_by_one(node, form, self._start(node, form))

    def _start(self, node: Node, form: Form) -> Rows:
        """Return the rows with which the calculation begins in each block.

        Where only the last bars matter it need not begin with the block; sums over windows begin a
        whole number of windows later, for the same bits.
        """
        begin, kernel = self.full.first, self.forms.kernels[id(node)]
        behind = rows_behind(node, kernel)
        if form == "full" or behind is None:
            return begin
        wanted = np.maximum(self.own.first - self.forms.back.get(id(node), 0), begin)
        streamed = streamed_of(kernel)
        if streamed is None:
            first: Rows = np.maximum(wanted - behind, begin)
            return first
        bars = int(streamed.begin[1][0])
        later: Rows = begin + np.maximum(wanted - begin - (bars - 1), 0) // bars * bars
        return later

    def _row_by_row(self, node: Node, form: Form | None) -> Floats:
        kernel = self.forms.kernels[id(node)]
        if isinstance(kernel, Field):
            column: Floats = self._of(node.inputs[0], form)[int(node.args[0])]
            return column
        if node.op in SHARED:
            return self._by_operator(node, form)
        values = kernel.push([self._of(one, form) for one in node.inputs])
        return values if values.ndim == 1 else np.ascontiguousarray(values.T)

    def _by_operator(self, node: Node, form: Form | None) -> Floats:
        rows = len(self.bars.open_time) if form is None else self._layouts[form].total
        operator = OPERATORS.get(node.op)
        fast = None if operator is None else operator.chosen(rows)
        if fast is not None:
            values: Floats = fast(*(self._of(one, form) for one in node.inputs))
            return values
        is_constant = all(one.op == "constant" for one in node.inputs)
        return SHARED[node.op].push(
            [
                np.float64(one.args[0])  # type: ignore[misc]
                if one.op == "constant" and not is_constant
                else self._of(one, form)
                for one in node.inputs
            ]
        )

    # -- calculations that begin with each block ---------------------------------------------

    def _streamed(self, node: Node, streamed: Streamed, form: Form) -> Floats:
        layout, start = self._layouts[form], self._start(node, form)
        stretches = Stretches(
            self.full.end - start,
            np.maximum(layout.first - start, 0),
            layout.places + np.maximum(start - layout.first, 0),
            layout.total,
        )
        inputs = [self._from(one, start, form) for one in node.inputs]
        table = calculate(streamed, inputs, stretches)
        if table is None:
            return self._one_by_one(node, form, start)
        if type(streamed).shaped is not Streamed.shaped:
            table = streamed.shaped(table, *(self.values(one, form) for one in node.inputs))
        return table if table.ndim == 1 else table.T

    def _from(self, node: Node, start: Rows, form: Form) -> tuple[Floats, Rows]:
        """Return a node's values, and where in them the row stands with which a block begins."""
        key = id(node)
        if node.op == "constant" or key in self.forms.now:
            return self.flat_of(node), start
        if key in self.forms.full:
            shift = self.full.places - self.full.first
            return self._found["full"][key], start + shift
        if key in self.forms.flat:
            return self._flat[key], start
        return self._found["near"][key], start + self.near.places - self.near.first

    def _one_by_one(self, node: Node, form: Form, start: Rows) -> Floats:
        layout = self._layouts[form]
        inputs = [self._from(one, start, form) for one in node.inputs]
        counts = self.full.end - start
        out: Floats | None = None
        for block in np.flatnonzero(layout.counts).tolist():
            first, count = int(start[block]), int(counts[block])
            kernel = make_kernel(node.op, node.args)
            pieces = [values[int(at[block]) : int(at[block]) + count] for values, at in inputs]
            found = kernel.push(pieces).T
            if out is None:
                out = np.full((*found.shape[:-1], layout.total), np.nan)
            skip = max(int(layout.first[block]) - first, 0)
            place = int(layout.places[block]) + max(first - int(layout.first[block]), 0)
            out[..., place : place + count - skip] = found[..., skip:]
            if isinstance(kernel, Faulty):
                self._note(kernel, first, int(self.own.first[block]))
        return np.full(layout.total, np.nan) if out is None else out

    def _note(self, kernel: Faulty, first: int, own: int) -> None:
        for row, fault in kernel.faults.items():
            if first + row >= own:
                self.faults.setdefault(first + row, fault)

    # -- other series ------------------------------------------------------------------------

    def _parent(self, number: int) -> "Stack":
        """Return the calculation of another series, up to what these rows look at."""
        plan, forms = self.plan.parents[number], self.forms.parents[number]
        step = plan.clock.timeframe
        layout = self.full if self.forms.full_parents[number] else self.near
        has_rows = layout.counts > 0
        opens = self.bars.open_time
        looked = np.where(has_rows, opens[np.minimum(layout.first, len(opens) - 1)], 0)
        looked = np.where(has_rows, looked, self.spans.through) + self.step
        wanted = (self.spans.starts - step) // step * step
        spans = Spans(
            wanted - plan.reach * step,
            looked // step * step - step,
            (self.spans.through + self.step) // step * step - step,
            held=1,
        )
        stack = Stack(forms, self._provider, self._home, spans, self._cache)
        stack.calculate()
        return stack

    def _aligned(self, node: Node, form: Form, parents: "Sequence[Stack]") -> Floats:
        inner = node.inputs[0]
        parent = next(one for one in parents if one.plan.clock == inner.clock)
        layout = self._layouts[form]
        opens = parent.bars.open_time
        if not len(opens):
            return np.full(layout.total, np.nan)
        closes = self.bars.open_time + self.step
        seen = np.searchsorted(opens + parent.step, closes, side="right") - 1
        return parent.at(inner, seen[layout.index], layout.block)

    def at(self, node: Node, rows: Rows, block: Rows) -> Floats:
        """Return a node's values at some rows, each as its block calculates it."""
        is_missing = rows < self.full.first[block]
        if id(node) in self.forms.flat:
            values, place = self.flat_of(node), rows
        else:
            values = self.values(node, "near")
            place = rows + (self.near.places - self.near.first)[block]
        found: Floats = values[np.where(is_missing, 0, place)]
        found[is_missing] = np.nan
        return found

    # -- reading -----------------------------------------------------------------------------

    def flat_of(self, node: Node) -> Floats:
        """Return a flat node's values at every row of the series."""
        key = id(node)
        if key not in self._flat:
            if node.op == "constant":
                self._flat[key] = np.full(len(self.bars.open_time), float(node.args[0]))
            else:
                self._flat[key] = self._calculated_flat(node)
        return self._flat[key]

    def _of(self, node: Node, form: Form | None) -> Floats:
        return self.flat_of(node) if form is None else self.values(node, form)

    def values(self, node: Node, form: Form) -> Floats:
        """Return a node's values in a form that is wanted of it."""
        key, found = id(node), self._found[form]
        if key not in found:
            if form == "near" and key in self._found["full"]:
                found[key] = self.near.out_of(self.full, self._found["full"][key])
            elif key in self.forms.late and key not in self.forms.flat:
                found[key] = self._calculated(node, "near", ())
            else:
                found[key] = self.flat_of(node)[..., self._layouts[form].index]
        return found[key]

    def own_values(self, node: Node) -> Floats:
        """Return a node's values at the rows of the blocks themselves."""
        values: Floats
        if id(node) in self.forms.flat:
            values = self.flat_of(node)[self.own.index]
        else:
            values = self.own.out_of(self.near, self.values(node, "near"))
        return values

    def own_flags(self, node: Node) -> NDArray[np.bool_]:
        """Say at which rows of the blocks themselves a condition holds."""
        if id(node) in self.forms.flat:
            flat: NDArray[np.bool_] = self.own_values(node) == 1
            return flat
        flags: NDArray[np.bool_] = self.own.out_of(self.near, self.values(node, "near") == 1)
        return flags

    def own_faults(self) -> dict[int, str]:
        """Return what the strategy's own code did wrong, by the number of the block's own row."""
        if not self.faults:
            return {}
        index = np.arange(len(self.bars.open_time))[self.own.index].tolist()
        rows = {one: row for row, one in enumerate(index)}
        return {rows[one]: fault for one, fault in self.faults.items() if one in rows}
