"""SQLite for many writing threads: nobody starves behind one that writes without a pause.

SQLite lets one connection write at a time, and one that finds the file locked looks again after
growing pauses; beside a bulk writer it may look at the wrong moments for many seconds. Here the
threads of a process queue for the file first. Other processes still meet only at SQLite's own lock.
"""

import os
from collections import defaultdict
from typing import Any

from django.db.backends.sqlite3 import base

from mystic.lib.turns import Turns

WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
DEFAULT_TIMEOUT_S = 5.0

_turns: defaultdict[str, Turns] = defaultdict(Turns)
# A child begins without the threads of its parent: nobody holds anything there.
os.register_at_fork(after_in_child=_turns.clear)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose transactions and single writes wait for their turn."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._held: Turns | None = None

    def turn_take(self) -> None:
        """Wait for the file; after the usual time to wait SQLite's own lock decides."""
        if self._held is None:
            turns = _turns[str(self.settings_dict["NAME"])]
            timeout_s = self.settings_dict["OPTIONS"].get("timeout", DEFAULT_TIMEOUT_S)
            if turns.acquire(timeout_s):
                self._held = turns

    def turn_give(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held.release()

    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor that queues for writes outside of a transaction."""
        cursor = self.connection.cursor(factory=FairCursor)
        cursor.wrapper = self
        return cursor

    def _start_transaction_under_autocommit(self) -> None:
        self.turn_take()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # stubs lack it
        except BaseException:
            self.turn_give()
            raise

    def _commit(self) -> None:
        # A commit that fails is followed by a rollback.
        super()._commit()  # type: ignore[misc]
        self.turn_give()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self.turn_give()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self.turn_give()


class FairCursor(base.SQLiteCursorWrapper):
    """Django's cursor; a write that is its own transaction waits for its turn."""

    wrapper: DatabaseWrapper

    def execute(self, query: Any, params: Any = None) -> Any:
        if self.wrapper.in_atomic_block or not query.startswith(WRITES):
            return super().execute(query, params)
        self.wrapper.turn_take()
        try:
            return super().execute(query, params)
        finally:
            self.wrapper.turn_give()

    def executemany(self, query: Any, param_list: Any) -> Any:
        if self.wrapper.in_atomic_block or not query.startswith(WRITES):
            return super().executemany(query, param_list)
        self.wrapper.turn_take()
        try:
            return super().executemany(query, param_list)
        finally:
            self.wrapper.turn_give()
