"""What is said about an expression that cannot be read."""

import ast
import difflib
from collections.abc import Iterable

from signals.columns.errors import ColumnError

REFUSED: dict[type[ast.AST], str] = {
    ast.Lambda: 'no lambda is needed: write tf("4h", close > close.ema(20))',
    ast.Subscript: "brackets reach for rows; write close.lag(1) for the bar before",
    ast.IfExp: "there is no if; join conditions with and, or, not",
    ast.List: "there are no lists; name values one by one",
    ast.Tuple: "one value is wanted, not several with commas",
    ast.Dict: "there are no dictionaries here",
    ast.NamedExpr: "a name is given among the columns, not with :=",
    ast.JoinedStr: "a text is written plainly, without f",
    ast.Starred: "arguments are written one by one, without *",
}
NOT_SO = "this is Python, not a word of the language"


class ExpressionError(ColumnError):
    """An expression that cannot be: what is wrong, and where.

    Attributes
    ----------
    sentence : str
    position : int
        The character of the text, counted from 1.
    """

    def __init__(self, sentence: str, position: int) -> None:
        super().__init__(f"character {position}: {sentence}")
        self.sentence, self.position = sentence, position


def refuse_node(node: ast.AST, position: int) -> ExpressionError:
    """Make the error for a form of Python that is no form of the language."""
    return ExpressionError(REFUSED.get(type(node), NOT_SO), position)


def refuse_syntax(text: str, fault: SyntaxError, start: int) -> ExpressionError:
    """Make the error for a text that is no expression at all."""
    # Python points at place 0 where the text ends too early.
    position = min(fault.offset + start if fault.offset else len(text), len(text))
    for sign, sentence in (
        ("&&", "write and, not &&"),
        ("||", "write or, not ||"),
        ("=>", "write >=, not =>"),
        ("=<", "write <=, not =<"),
        ("<>", "write !=, not <>"),
    ):
        if sign in text:
            return ExpressionError(sentence, text.index(sign) + 1)
    said = fault.msg or ""
    is_single = text[position - 1] == "=" and text[position : position + 1] != "="
    if "'=='" in said or "cannot assign" in said or is_single:
        return ExpressionError("to compare, write == instead of =", position)
    if "never closed" in said:
        return ExpressionError("this parenthesis is never closed", position)
    if "unterminated string" in said:
        return ExpressionError("this text has no closing quotation mark", position)
    if "too many nested" in said:
        return ExpressionError("there are too many parentheses in each other", position)
    if "!" in text and "!=" not in text:
        return ExpressionError("write not, instead of !", text.index("!") + 1)
    if position == len(text):
        return ExpressionError("this cannot be read: something is missing at its end", position)
    near = text[position - 1 : position + 11].strip()
    return ExpressionError(f"this cannot be read near {near!r}", position)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return what was meant, or what there is."""
    names = sorted(known)
    lowered = {one.lower(): one for one in names}
    close = difflib.get_close_matches(name.lower(), lowered, n=1)
    if close:
        return f"Did you mean {lowered[close[0]]}?"
    return f"There are {', '.join(names)}." if len(names) <= 12 else "The list of words has all."
