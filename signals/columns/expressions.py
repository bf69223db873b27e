"""Text to column: the language without Python code, for rules that people write in forms.

`close > close.ema(50) and smc.bullish_ob` means what `(x.close > x.close.ema(50)) &
x.smc.bullish_ob` means in a class. The text is read into a tree by Python's own parser and never
run: `expression_reader` walks the tree and knows no more than the public words of `Space` and
`Column`, which it finds by looking at them.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from signals.columns.column import Column
from signals.columns.errors import ColumnError
from signals.columns.expression_errors import ExpressionError, refuse_node, refuse_syntax
from signals.columns.expression_reader import COMPARISONS, Reader, Value, kind_of
from signals.columns.space import Space

MAX_LENGTH = 1000
MAX_NODES = 300
MAX_DEPTH = 40
BLANKS = str.maketrans("\n\r\t", "   ")
# Nodes without a meaning of their own are checked with the one that holds them.
SILENT = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.keyword)
WORDS = (
    ast.Expression, ast.Name, ast.Attribute, ast.Call, ast.Constant,
    ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expression:
    """A text that can be read; what it says is asked with the series it is about.

    Attributes
    ----------
    text : str
        As it was written.
    """

    text: str
    _tree: ast.expr = field(repr=False, compare=False)

    def value(self, x: Space, names: Mapping[str, Value]) -> Value:
        """Return a column, a number or a text.

        Parameters
        ----------
        names : mapping
            Parameters and earlier columns; they may not hide a word of the language.

        Raises
        ------
        ExpressionError
            With a sentence, and the place in the text.
        """
        return Reader(self.text, names).value(self._tree, x)

    def column(self, x: Space, names: Mapping[str, Value]) -> Column:
        """Return a column; a lone number is the same at every bar."""
        found = self.value(x, names)
        if isinstance(found, int | float) and not isinstance(found, bool):
            return x.close * 0 + found
        if not isinstance(found, Column):
            sentence = f"this is {kind_of(found)}; a column is wanted, such as close.ema(20)"
            raise ExpressionError(sentence, 1)
        return found

    def condition(self, x: Space, names: Mapping[str, Value]) -> Column:
        """Return a column that holds or does not."""
        found = self.value(x, names)
        if not isinstance(found, Column) or not found.node.is_flag:
            kind = kind_of(found)
            raise ExpressionError(
                f"this is {kind}; a condition is wanted, such as close > close.ema(50)", 1
            )
        return found

    def comparisons(self) -> "tuple[Comparison, ...]":
        """Return the comparisons joined by and, or, not: left side, sign, right side.

        What stands inside `tf` and `symbol` is about another series and not among them.
        """
        found: list[Comparison] = []
        waiting = [self._tree]
        while waiting:
            node = waiting.pop(0)
            if isinstance(node, ast.BoolOp):
                waiting = [*node.values, *waiting]
            elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
                waiting = [node.left, node.right, *waiting]
            elif isinstance(node, ast.UnaryOp):
                waiting = [node.operand, *waiting]
            elif isinstance(node, ast.Compare):
                sides = [
                    Expression(ast.unparse(one), one) for one in (node.left, *node.comparators)
                ]
                signs = [COMPARISONS[type(op)][0] for op in node.ops]
                found += zip(sides, signs, sides[1:], strict=False)
        return tuple(found)


type Comparison = tuple[Expression, str, Expression]


@lru_cache(maxsize=256)
def parse(text: str) -> Expression:
    """Read a text into an expression without running anything.

    Raises
    ------
    ExpressionError
        Where it is too long, too deep, no expression, or uses what the language has not.
    """
    _refuse_shape(text)
    clean = text.translate(BLANKS)
    start = len(clean) - len(clean.lstrip())
    try:
        tree = ast.parse(clean.lstrip(), mode="eval")
    except SyntaxError as fault:
        raise refuse_syntax(clean, fault, start) from None
    except (ValueError, MemoryError, RecursionError):
        raise ExpressionError("this cannot be read: it is nested too deeply", 1) from None
    _check(text, tree, start)
    return Expression(text, tree.body)


def _refuse_shape(text: object) -> None:
    if not isinstance(text, str):
        raise ExpressionError(f"an expression is a text, not {str(text)[:40]!r}", 1)
    if not text.strip():
        raise ExpressionError("nothing is written here: a word such as close is wanted", 1)
    if len(text) > MAX_LENGTH:
        sentence = f"the expression has {len(text)} characters; at most {MAX_LENGTH} are read"
        raise ExpressionError(sentence, MAX_LENGTH)
    for place, sign in enumerate(text, start=1):
        if sign in "\\\0" or 0xD800 <= ord(sign) <= 0xDFFF:
            raise ExpressionError(f"the character {sign!r} has no meaning here", place)


def _check(text: str, tree: ast.AST, start: int) -> None:
    """Refuse every node that is not a word, and a tree that is too large; set places in the text.

    A node's place becomes its character in the text as it was written, counted from 1.
    """
    encoded = text.translate(BLANKS).lstrip().encode()
    waiting: list[tuple[ast.AST, int]] = [(tree, 0)]
    seen = 0
    while waiting:
        node, depth = waiting.pop()
        if isinstance(node, ast.expr):
            seen += 1
            for name in ("col_offset", "end_col_offset"):
                before = encoded[: getattr(node, name)].decode()
                setattr(node, name, start + len(before) + 1)
        if not isinstance(node, (*WORDS, *SILENT)):
            raise refuse_node(node, getattr(node, "col_offset", 1))
        if seen > MAX_NODES or depth > MAX_DEPTH:
            raise ExpressionError(
                "the expression is too large; give a part of it a name among the columns",
                getattr(node, "col_offset", 1),
            )
        waiting.extend((one, depth + 1) for one in ast.iter_child_nodes(node))


__all__ = ["ColumnError", "Expression", "ExpressionError", "parse"]
