"""A column as an author would write it, for explanations."""

from signals.columns.graph import Node
from signals.columns.smc_fields import FIELDS
from signals.columns.words.catalogue_table import CATALOGUE
from signals.columns.words.chart_kernel import CHART_FIELDS
from signals.columns.words.chart_shapes import SHAPES

SIGNS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
    "both": "&",
    "either": "|",
}
PREFIXES = {"negative": "-", "invert": "~"}
NAMES = {"maximum": "at_least", "minimum": "at_most", "absolute": "abs"}
JOINTS = frozenset((*SIGNS, *PREFIXES, "align", "maximum", "minimum", "otherwise", "known"))
"""What is taken apart in an explanation; any other operator is one value. A value of an earlier bar
is one: what it was made of then is not among the values of this bar."""
SWING = 5


def spelled(node: Node) -> str:
    """Return a node as text: `close > close.ema(50)`."""
    if node.op == "source":
        return str(node.args[0])
    if node.op == "constant":
        return f"{float(node.args[0]):.10g}"
    if node.op in SIGNS:
        left, right = (_inner(one) for one in node.inputs)
        return f"{left} {SIGNS[node.op]} {right}"
    if node.op in PREFIXES:
        return f"{PREFIXES[node.op]}{_inner(node.inputs[0])}"
    if node.op == "align":
        inner = node.inputs[0]
        return f"{inner.clock}: {spelled(inner)}"
    if node.op == "feed":
        return f"feed({node.args[0]})"
    if node.op == "field":
        return _field(node)
    if node.op == "lag" and node.inputs[0].op == "constant":
        return spelled(node.inputs[0])
    return _called(node)


def _inner(node: Node) -> str:
    text = spelled(node)
    return f"({text})" if node.op in SIGNS or node.op == "align" else text


def _field(node: Node) -> str:
    detector, place = node.inputs[0], int(node.args[0])
    if detector.op == "smc":
        return f"smc{_swing(detector, SWING)}.{FIELDS[place]}"
    if detector.op == "chart":
        pattern, what = divmod(place, len(CHART_FIELDS))
        return f"chart{_swing(detector, SWING)}.{tuple(SHAPES)[pattern]}.{CHART_FIELDS[what]}"
    if detector.op in ("ta", "ta_since"):
        name = str(detector.args[0])
        return f"{_listed(detector, name)}.{CATALOGUE[name].outputs[place]}"
    return f"{spelled(detector)}[{place}]"


def _swing(detector: Node, usual: int) -> str:
    swing = detector.args[0]
    return "" if swing == usual else f"(swing={swing})"


def _listed(detector: Node, name: str) -> str:
    """Return a class of the catalogue with the parameters that differ from its own."""
    parameters = CATALOGUE[name].parameters
    given = [
        f"{one.name}={value:.10g}" if isinstance(value, float) else f"{one.name}={value}"
        for one, value in zip(parameters, detector.args[1:], strict=True)
        if value != one.default
    ]
    if detector.op == "ta_since":
        given.append(f'reset="{detector.inputs[-1].args[0]}"')
    return f"ta.{name}({', '.join(given)})"


def _called(node: Node) -> str:
    if node.op == "candle":
        return f"candle.{node.args[0]}"
    if node.op == "own":
        return f"{node.args[0]}(x)"
    args = [f"{one:.10g}" if isinstance(one, float) else str(one) for one in node.args]
    name = NAMES.get(node.op, node.op)
    is_of_bars = len(node.inputs) > 1 and all(one.op == "source" for one in node.inputs)
    if is_of_bars or not node.inputs:
        return f"{name}({', '.join(args)})"
    others = [spelled(one) for one in node.inputs[1:]]
    return f"{_inner(node.inputs[0])}.{name}({', '.join((*others, *args))})"
