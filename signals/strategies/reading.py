"""What the code of a strategy file may not say, found before it is run.

The check keeps honest authors from mistakes that the column language cannot see: state kept from
bar to bar, a look into the language's own parts, the clock, files, the network. It is no sandbox:
who may put a file into the folder may run code on this machine.
"""

import ast
from collections.abc import Iterator

ALLOWED = ("collections", "dataclasses", "enum", "functools", "itertools", "math", "statistics")
ALLOWED_PACKAGES = ("numpy", "signals.columns", "signals.strategies", "typing", "collections.abc")
FORBIDDEN_NAMES = frozenset(
    (
        *("open", "exec", "eval", "compile", "input", "print", "breakpoint", "__import__"),
        *("globals", "locals", "vars", "getattr", "setattr", "delattr"),
        # What ends a process instead of being an error.
        *("exit", "quit", "SystemExit", "KeyboardInterrupt", "GeneratorExit", "BaseException"),
        "BaseExceptionGroup",
    )
)


def faults(source: str) -> list[str]:
    """Return what is wrong with a file's text, a sentence each with its line; empty is fine."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        return [f"line {error.lineno or 1}: this is not Python: {error.msg}"]
    except (ValueError, RecursionError, MemoryError):
        return ["line 1: this is not Python: the text cannot be read"]
    return [f"line {line}: {sentence}" for line, sentence in sorted(_faults(tree))]


def _faults(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _import_faults(node)
        elif isinstance(node, ast.Attribute):
            yield from _attribute_faults(node)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            yield node.lineno, f"{node.names[0]} would be kept from bar to bar; {NO_STATE}"
        elif isinstance(node, ast.Name) and node.id in FORBIDDEN_NAMES:
            yield node.lineno, f"{node.id} is not for strategies: they see columns and nothing else"


NO_STATE = "a strategy keeps nothing between bars, or backtest and live would differ: name a column"


def _import_faults(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[int, str]]:
    names = (
        [one.name for one in node.names]
        if isinstance(node, ast.Import)
        else ["." * node.level + (node.module or "")]
    )
    for name in names:
        is_allowed = name in ALLOWED or any(
            name == one or name.startswith(f"{one}.") for one in ALLOWED_PACKAGES
        )
        if not is_allowed:
            allowed = ", ".join((*ALLOWED, *ALLOWED_PACKAGES))
            yield node.lineno, f"a strategy does not import {name}; it may import {allowed}"


def _attribute_faults(node: ast.Attribute) -> Iterator[tuple[int, str]]:
    is_own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
    if is_own and isinstance(node.ctx, ast.Store | ast.Del):
        yield node.lineno, f"self.{node.attr} would be kept from bar to bar; {NO_STATE}"
    elif node.attr.startswith("__") or (node.attr.startswith("_") and not is_own):
        yield node.lineno, f".{node.attr} is a part of the language itself; use its public words"
