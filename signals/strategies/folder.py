"""Strategy classes from a folder of Python files, each file read on its own.

A file that cannot be read, compiled or described gives an error sentence and no class; the others
are not touched by it. Only whoever may run code on this machine may put files there.
"""

import hashlib
import importlib.util
import stat
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from signals.columns.compiled import compile_strategy
from signals.columns.errors import ColumnError
from signals.columns.model_column import unready
from signals.strategies.base import Strategy
from signals.strategies.params import ParamError
from signals.strategies.reading import faults
from signals.strategies.sentences import sentence_of

MOST_BYTES = 200_000
MOST_FILES = 200
LONGEST_NAME = 80
"""Characters of a file's name, and of a class's."""

Signature = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class FileRead:
    """What one file gave: classes, or the sentence that says why not.

    Attributes
    ----------
    name : str
        The file's name below the folder.
    digest : str
        SHA-256 of its bytes.
    """

    name: str
    digest: str
    classes: tuple[type[Strategy], ...] = ()
    error: str = ""


def signature(folder: Path) -> Signature:
    """Return what changes when a file of the folder is added, removed, or written to."""
    if not folder.is_dir():
        return ()
    files = sorted(one for one in folder.glob("*.py") if _is_named(one.name))
    found = []
    for path in files[:MOST_FILES]:
        try:
            about = path.stat()
        except OSError:
            continue  # gone since it was listed
        if stat.S_ISREG(about.st_mode):  # to read a pipe or a device would never end
            found.append((path.name, about.st_mtime_ns, about.st_size))
    return tuple(found)


def _is_named(name: str) -> bool:
    return not name.startswith((".", "_")) and len(name) <= LONGEST_NAME and name.isprintable()


def read_file(path: Path, taken: Collection[str] = ()) -> FileRead:
    """Return the strategies of one file.

    Parameters
    ----------
    taken : collection of str
        Class names that belong to Mystic or to another file.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        return FileRead(path.name, "", error=f"it cannot be read: {error.strerror}")
    digest = hashlib.sha256(raw).hexdigest()
    if len(raw) > MOST_BYTES:
        return FileRead(path.name, digest, error=f"it has more than {MOST_BYTES:,} bytes")
    try:
        source = raw.decode()
    except UnicodeDecodeError:
        return FileRead(path.name, digest, error="it is not UTF-8 text")
    found = faults(source)
    if found:
        return FileRead(path.name, digest, error="; ".join(found[:5]))
    try:
        classes = _classes(_module(path, digest, source), raw)
        fault = _class_fault(classes, taken)
    except (Exception, SystemExit) as error:  # noqa: BLE001  a stranger's code; its page says it
        return FileRead(path.name, digest, error=_sentence(error, path))
    return FileRead(path.name, digest, () if fault else classes, fault)


def _module(path: Path, digest: str, source: str) -> ModuleType:
    """Run a file as a module of its own version; an older version stays what it was."""
    name = f"mystic_strategies.{path.stem}_{digest[:12]}"
    spec = importlib.util.spec_from_loader(name, loader=None, origin=str(path))
    if spec is None:
        raise ImportError(path.name)
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(path)
    sys.modules[name] = module
    try:
        exec(compile(source, str(path), "exec"), vars(module))  # noqa: S102  what the folder is for
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _classes(module: ModuleType, raw: bytes) -> tuple[type[Strategy], ...]:
    found = tuple(
        one
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, Strategy) and one.__module__ == module.__name__
    )
    for one in found:
        one.loaded_source = raw
    return found


def _class_fault(classes: Collection[type[Strategy]], taken: Collection[str]) -> str:
    if not classes:
        return "it has no class that extends Strategy"
    for cls in classes:
        if cls.__name__ in taken:
            return f"the name {cls.__name__} is taken by another strategy: choose another"
        if not all(_is_label(one) for one in (cls.__name__, cls.name)):
            return f"{cls.__name__[:40]}: a name is a text of 1 to {LONGEST_NAME} characters"
        try:
            compiled = compile_strategy(cls())
        except (ColumnError, ParamError) as error:
            if unready(error):
                continue  # the model it asks is not trained yet; until then it warms up
            return f"{cls.__name__}: {error}"
        except Exception as error:  # noqa: BLE001  a stranger's code; the page says what happened
            return f"{cls.__name__}: {sentence_of(error)}"
        if not compiled.entries and cls.decide is Strategy.decide:
            return f"{cls.__name__}: it has neither rules nor decide, so it would never act"
    return ""


def _is_label(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and name.isprintable()


def _sentence(error: BaseException, path: Path) -> str:
    line = 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    place = f"line {line}: " if line else ""
    return f"{place}{sentence_of(error)}"
