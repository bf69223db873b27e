"""Walk the tree of an expression and make columns of it; only public words can be reached."""

import ast
import functools
import inspect
import operator
import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Never

from signals.columns.clock import Clock
from signals.columns.column import METHODS, Column
from signals.columns.errors import ColumnError
from signals.columns.expression_errors import ExpressionError, suggestion
from signals.columns.graph import Graph, Node
from signals.columns.space import NAMES, Space

Number = int | float
Value = Any
"""A column, a number, a text; on the way there a series, a group of words, or a word to call."""

LARGEST = 1e15
LONGEST_TEXT = 64
DESCRIBED = "describe"
"""A word's argument of this name is written on the other series: `tf("4h", close > open)`."""
ITSELF = "x"
OBJECT = re.compile(r"<[\w.]+ object at 0x[0-9a-f]+>")
ARITHMETIC: Mapping[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
}
LOGIC: Mapping[type[ast.AST], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.BitAnd: ("&", operator.and_),
    ast.BitOr: ("|", operator.or_),
    ast.And: ("and", operator.and_),
    ast.Or: ("or", operator.or_),
}
COMPARISONS: Mapping[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
}
FUNCTIONS = {
    "abs": "the value without its sign",
    "max": "the greater of two: max(close, open)",
    "min": "the lesser of two: min(close, open)",
}


class Reader:
    """Reads the tree of one text; the series may change on the way down, in `tf` and `symbol`.

    Parameters
    ----------
    names : mapping
        Parameters and earlier columns.
    """

    def __init__(self, text: str, names: Mapping[str, Value]) -> None:
        self._text, self._names = text, names
        self._forms: dict[type[ast.expr], Callable[[Any, Space], Value]] = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.Call: self._call,
            ast.BinOp: self._binary,
            ast.UnaryOp: self._unary,
            ast.BoolOp: self._joined,
            ast.Compare: self._compared,
        }

    def value(self, node: ast.expr, x: Space) -> Value:
        """Return what a node says: a column, a number or a text."""
        found = self._any(node, x)
        if isinstance(found, Column | int | float | str):
            return found
        return self._refuse(f"{kind_of(found)} is not a value{_instead(found)}", node)

    def _any(self, node: ast.expr, x: Space) -> Value:
        return self._forms[type(node)](node, x)

    def _refuse(self, sentence: str, node: ast.expr) -> Never:
        raise ExpressionError(sentence, place_of(node))

    # -- names -------------------------------------------------------------------------------

    def _constant(self, node: ast.Constant, x: Space) -> Value:
        value = node.value
        if isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return self._number(value, node)
        if isinstance(value, str):
            if len(value) > LONGEST_TEXT:
                self._refuse(f"a text has at most {LONGEST_TEXT} characters", node)
            return value
        return self._refuse(f"{value!r} is neither a number nor a text"[:120], node)

    def _number(self, value: Number, node: ast.expr) -> Number:
        if abs(value) > LARGEST or not isfinite(value):
            self._refuse("the number is too large: at most 1,000,000,000,000,000", node)
        return value

    def _name(self, node: ast.Name, x: Space) -> Value:
        if node.id == ITSELF:
            return x
        if node.id in self._names:
            return self._names[node.id]
        if node.id in NAMES:
            return self._word(x, node.id, node)
        if node.id in FUNCTIONS:
            return self._refuse(f"{node.id} takes values: {FUNCTIONS[node.id]}", node)
        if node.id in METHODS:
            self._refuse(f"{node.id} is said of a column: close.{node.id}(...)", node)
        hint = suggestion(node.id, [*self._names, *NAMES, *FUNCTIONS])
        return self._refuse(f"there is no word {node.id}. {hint}", node)

    def _attribute(self, node: ast.Attribute, x: Space) -> Value:
        owner = self._any(node.value, x)
        if isinstance(owner, str | int | float):
            self._refuse(f"{kind_of(owner)} has no .{node.attr}", node)
        return self._word(owner, node.attr, node)

    def _word(self, owner: Value, name: str, node: ast.expr) -> Value:
        """Return a public word of a series, a column or a group of words, and nothing else."""
        if inspect.isroutine(owner) or isinstance(owner, functools.partial):
            self._refuse(f"{kind_of(owner)} is called first: {_instead(owner)[2:]}", node)
        if name.startswith("_") or name == "node":
            self._unknown(owner, name, node)
        if isinstance(owner, tuple) and name not in owner._fields:  # type: ignore[attr-defined]  # a named one
            self._unknown(owner, name, node)
        if isinstance(owner, Space) and name not in NAMES:
            self._unknown(owner, name, node)
        found = self._said(node, lambda: getattr(owner, name))
        if not _is_word(found):
            self._unknown(owner, name, node)
        return found

    def _unknown(self, owner: Value, name: str, node: ast.expr) -> Never:
        if not name.startswith("_") and isinstance(owner, Space):
            # Its own sentence says why, where there is a reason.
            self._said(node, lambda: getattr(owner, name))
        self._refuse(f"{kind_of(owner)} has no {name}. {suggestion(name, words_of(owner))}", node)

    # -- calls -------------------------------------------------------------------------------

    def _call(self, node: ast.Call, x: Space) -> Value:
        if isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
            return self._function(node.func.id, node, x)
        word = self._any(node.func, x)
        if isinstance(word, Column | int | float | str | tuple | Space) or not callable(word):
            self._refuse(f"{kind_of(word)} is not called; leave the parentheses out", node)
        usage = _usage(node.func, word)
        signature = self._said(node, lambda: signature_of(word))
        if any(one.arg is None for one in node.keywords):
            self._refuse("arguments are written one by one, without **", node)
        wanted = list(signature.parameters.values())
        args = [
            self._argument(one, wanted[n].name if n < len(wanted) else "", x)
            for n, one in enumerate(node.args)
        ]
        named = {str(one.arg): self._argument(one.value, str(one.arg), x) for one in node.keywords}
        try:
            signature.bind(*args, **named)
        except TypeError as fault:
            self._refuse(f"write {usage}: {fault}", node)
        found = self._said(node, lambda: word(*args, **named))
        if not isinstance(found, int | float | str) and not _is_word(found):
            self._refuse(f"{usage} gives nothing that can be used here", node)
        return found

    def _argument(self, node: ast.expr, name: str, x: Space) -> Value:
        if name == DESCRIBED:
            return lambda other: self.value(node, other)
        return self.value(node, x)

    def _function(self, name: str, node: ast.Call, x: Space) -> Value:
        wanted = 1 if name == "abs" else 2
        if node.keywords or len(node.args) != wanted:
            self._refuse(f"{name} takes {wanted} value{'s'[: wanted - 1]}", node)
        values = [self._operand(one, x) for one in node.args]
        if not any(isinstance(one, Column) for one in values):
            plain: Number = {"abs": abs, "max": max, "min": min}[name](*values)  # type: ignore[operator]
            return plain
        if name == "abs":
            return abs(values[0])
        if not isinstance(values[0], Column):
            values.reverse()
        first, second = values
        word = first.at_least if name == "max" else first.at_most
        return self._said(node, lambda: word(second))

    # -- operators ---------------------------------------------------------------------------

    def _operand(self, node: ast.expr, x: Space) -> Value:
        found = self.value(node, x)
        if isinstance(found, bool | str):
            self._refuse(f"{kind_of(found)} cannot be calculated with", node)
        return found

    def _condition(self, node: ast.expr, x: Space, sign: str) -> Column:
        found = self.value(node, x)
        if not isinstance(found, Column) or not found.node.is_flag:
            hint = "; put each comparison in parentheses" if sign in "&|" else ""
            self._refuse(f"{sign} wants conditions; this is {kind_of(found)}{hint}", node)
        return found

    def _binary(self, node: ast.BinOp, x: Space) -> Value:
        kind = type(node.op)
        if kind in LOGIC:
            sign, join = LOGIC[kind]
            left, right = (self._condition(one, x, sign) for one in (node.left, node.right))
            return self._said(node, lambda: join(left, right))
        if kind not in ARITHMETIC:
            self._refuse("only + - * / calculate here", node)
        left, right = self._operand(node.left, x), self._operand(node.right, x)
        return self._calculated(node, ARITHMETIC[kind][1], left, right)

    def _calculated(
        self, node: ast.expr, function: Callable[[Any, Any], Any], left: Value, right: Value
    ) -> Value:
        if isinstance(left, Column) or isinstance(right, Column):
            return self._said(node, lambda: function(left, right))
        try:
            return self._number(function(left, right), node)
        except ZeroDivisionError:
            return self._refuse("this divides by zero", node)

    def _unary(self, node: ast.UnaryOp, x: Space) -> Value:
        if isinstance(node.op, ast.Not | ast.Invert):
            sign = "not" if isinstance(node.op, ast.Not) else "~"
            return ~self._condition(node.operand, x, sign)
        found = self._operand(node.operand, x)
        return found if isinstance(node.op, ast.UAdd) else -found

    def _joined(self, node: ast.BoolOp, x: Space) -> Value:
        sign, join = LOGIC[type(node.op)]
        first, *others = (self._condition(one, x, sign) for one in node.values)
        for other in others:
            first = self._said(node, functools.partial(join, first, other))
        return first

    def _compared(self, node: ast.Compare, x: Space) -> Value:
        """Compare; `30 < rsi < 70` holds where both comparisons do."""
        values = [self._operand(one, x) for one in (node.left, *node.comparators)]
        result: Column | None = None
        for n, op in enumerate(node.ops):
            if type(op) not in COMPARISONS:
                self._refuse("compare with < <= > >= == !=", node)
            left, right = values[n], values[n + 1]
            if not isinstance(left, Column) and not isinstance(right, Column):
                self._refuse("this compares two numbers; one side must be a column", node)
            held = self._said(node, functools.partial(COMPARISONS[type(op)][1], left, right))
            result = held if result is None else result & held
        return result

    def _said(self, node: ast.expr, make: Callable[[], Any]) -> Any:
        """Return what the language answers; its refusal gets its place in the text."""
        try:
            return make()
        except ExpressionError:
            raise
        except ColumnError as fault:
            sentence = OBJECT.sub("a column", str(fault))
            raise ExpressionError(sentence, place_of(node)) from None
        except Exception as fault:  # noqa: BLE001  a word may fail in any way on a wrong argument
            sentence = OBJECT.sub("a column", f"this cannot be used so: {fault}")[:200]
            raise ExpressionError(sentence, place_of(node)) from None


def place_of(node: ast.expr) -> int:
    """Return the character that a person would point at: the name of what is wrong."""
    if isinstance(node, ast.Call):
        return place_of(node.func)
    if isinstance(node, ast.Attribute) and node.end_col_offset is not None:
        return max(node.end_col_offset - len(node.attr), node.col_offset)
    return node.col_offset


def _is_word(found: object) -> bool:
    """Say whether a value belongs to the language: a column, a group of words, a word to call."""
    if isinstance(found, Column | Space):
        return True
    if isinstance(found, Graph | Node | Clock | type):
        return False
    if isinstance(found, tuple):
        return hasattr(found, "_fields") and all(isinstance(one, Column) for one in found)
    # Asked of routines only: a group of words answers every other name with a refusal.
    is_routine = inspect.isroutine(found) or isinstance(found, functools.partial)
    owner = getattr(found, "__self__", None) if is_routine else found
    module = getattr(found, "__module__", "") if owner is None else type(owner).__module__
    return str(module).startswith("signals.columns")


def words_of(owner: object) -> tuple[str, ...]:
    """Return the public words of a series, a column, or a group of words."""
    if isinstance(owner, Space):
        return NAMES
    if isinstance(owner, Column):
        return METHODS
    if isinstance(owner, tuple):
        return tuple(getattr(owner, "_fields", ()))
    return tuple(name for name in dir(type(owner)) if not name.startswith("_"))


def kind_of(value: object) -> str:
    """Return what a value is, in words."""
    if isinstance(value, Column):
        return "a condition" if value.node.is_flag else "a number that changes from bar to bar"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, int | float):
        return "a fixed number"
    if isinstance(value, Space):
        return "x, the series itself,"
    if isinstance(value, tuple):
        return "a group of columns"
    return f"the word {value.__name__}" if inspect.isroutine(value) else "a group of words"


def _instead(value: object) -> str:
    if isinstance(value, tuple):
        return f"; take one of it: .{', .'.join(words_of(value))}"
    if inspect.isroutine(value):
        return f"; write {_call_text(value.__name__, value)}"
    return "; take one of its words"


def _usage(node: ast.expr, word: object) -> str:
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "it")
    return _call_text(name, word)


def _call_text(name: str, word: Any) -> str:
    return f"{name}({', '.join(arguments_of(word))})"


def signature_of(word: Any) -> inspect.Signature:
    """Return how a word is called; a group of words is not asked for names it would refuse."""
    if inspect.isroutine(word) or isinstance(word, functools.partial):
        return inspect.signature(word)
    return inspect.signature(type(word).__call__.__get__(word))


def arguments_of(word: Any) -> list[str]:
    """Return the arguments of a word as they are written: `bars`, `k=2.0`."""
    try:
        wanted = signature_of(word).parameters.values()
    except (TypeError, ValueError):
        return ["..."]
    return [
        one.name if one.default is one.empty else f"{one.name}={one.default!r}"
        for one in wanted
        if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL) and one.name != "self"
    ]
