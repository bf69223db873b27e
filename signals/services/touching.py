"""What a strategy's own code opens while it is evaluated: files, sockets, processes.

What lies in a file need not have been known at the bar, and no run over fewer bars can tell, so it
is reported. Python tells a hook of every such call; a hook cannot be taken away again, so it stays,
silent outside of `touching`.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import FrameType

EVENTS = frozenset(
    (
        *("open", "os.listdir", "os.scandir", "sqlite3.connect", "mmap.__new__"),
        *("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system"),
    )
)
CALLERS = ("signals.columns.conclude", "signals.columns.words.own", "signals.columns.compiled")
LOADER = "signals.strategies.folder"
STRATEGIES = ("signals.strategies.", "mystic_strategies.")
PASSED = ("importlib", "numba", "linecache", "tokenize", "django")
MOST = 20


@dataclass(frozen=True, slots=True)
class Touch:
    """One thing that was opened: what, by which function of the strategy, on which line."""

    what: str
    function: str
    line: int


@dataclass(slots=True)
class _Watch:
    found: dict[Touch, None] = field(default_factory=dict)


_watch: ContextVar[_Watch | None] = ContextVar("touching", default=None)
_is_hooked = False


@contextmanager
def touching() -> Iterator[dict[Touch, None]]:
    """Collect what strategies open while the block runs, in this thread."""
    global _is_hooked  # noqa: PLW0603  one hook a process, for as long as it lives
    if not _is_hooked:
        sys.addaudithook(_hook)
        _is_hooked = True
    watch = _Watch()
    token = _watch.set(watch)
    try:
        yield watch.found
    finally:
        _watch.reset(token)


def _hook(event: str, args: tuple[object, ...]) -> None:
    if event not in EVENTS:
        return
    watch = _watch.get()
    if watch is None or len(watch.found) >= MOST:
        return
    frame = _author(sys._getframe(1))  # noqa: SLF001  the only way to the caller
    if frame is not None:
        what = f"{event} {args[0] if args else ''}"[:200]
        watch.found.setdefault(Touch(what, frame.f_code.co_name, frame.f_lineno))


def _author(frame: FrameType | None) -> FrameType | None:
    """Return the strategy's own frame behind a call, None where it is not the strategy's doing."""
    below: FrameType | None = None
    while frame is not None:
        module = _module(frame)
        if module.partition(".")[0] in PASSED or "importlib" in frame.f_code.co_filename:
            return None
        is_own = module.startswith(STRATEGIES) and module != LOADER
        if module.startswith(("signals.", "markets.", "mystic.")) and not is_own:
            is_read = module == LOADER and _module(below).startswith(STRATEGIES[1])
            return below if is_read or module in CALLERS else None
        below, frame = frame, frame.f_back
    return None


def _module(frame: FrameType | None) -> str:
    return "" if frame is None else str(frame.f_globals.get("__name__", ""))
