"""Share a venue's request weight among all who ask, and fall silent when it says so.

A budget with a name is one for the whole process, and where `share` named a Redis one for every
process of the same egress. One without a name belongs to the object that holds it.
"""

import asyncio
import random
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from mystic.lib.backoff import Backoff
from mystic.lib.budget_memory import MemoryLedger
from mystic.lib.budget_windows import SHARES, Grant, Priority, Snapshot, Told, Window
from mystic.lib.clock import now_ms
from mystic.lib.http import RateLimited

__all__ = [
    "SHARES",
    "Priority",
    "Shared",
    "WeightBudget",
    "WeightGate",
    "Window",
    "budget_named",
    "budgets",
    "forget",
    "recall",
    "share",
]

# A request that would wait longer is refused with the time at which it may be asked again.
LONGEST_WAIT_MS = 120_000


@dataclass(slots=True)
class Shared:
    """One named budget of this process: where it is counted, and in which windows."""

    name: str
    ledger: MemoryLedger
    windows: tuple[Window, ...] = ()

    def snapshot(self) -> Snapshot:
        """Return how it stands now, over all processes that share it."""
        return self.ledger.snapshot(self.windows, now_ms())


@dataclass(slots=True)
class Registry:
    """The named budgets of this process, and what they are shared through."""

    redis_url: str = ""
    egress: str = "default"
    found: dict[str, Shared] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, name: str) -> Shared:
        with self.lock:
            if name not in self.found:
                self.found[name] = Shared(name, self._ledger(name))
            return self.found[name]

    def _ledger(self, name: str) -> MemoryLedger:
        if not self.redis_url:
            return MemoryLedger()
        from mystic.lib.budget_redis import RedisLedger

        return RedisLedger(self.redis_url, f"{self.egress}:{name}")


_registry = Registry()


def share(*, redis_url: str, egress: str) -> None:
    """Say through which Redis (empty: none) named budgets are shared, and for which address."""
    _registry.redis_url, _registry.egress = redis_url, egress
    forget()


def forget() -> None:
    """Drop the named budgets of this process."""
    with _registry.lock:
        _registry.found.clear()


def budgets() -> list[Shared]:
    """Return the named budgets that this process asks through."""
    with _registry.lock:
        return [one for one in _registry.found.values() if one.windows]


def recall(name: str, snapshot: Snapshot) -> None:
    """Respect what was known of a budget before this process began."""
    ledger, at_ms = _registry.get(name).ledger, now_ms()
    if snapshot.blocked_until_ms > at_ms:
        ledger.block(snapshot.blocked_until_ms, is_ban=snapshot.is_ban, now_ms=at_ms)
    for usage in snapshot.usages:
        ledger.recall(usage.window, usage.start_ms, usage.by, used=usage.used)


class WeightBudget:
    """The weight of one venue in a window of the clock, for this machine's address.

    Parameters
    ----------
    limit_per_minute : int
        What we allow ourselves in `window_s` seconds, usually half of the venue's own limit.
    used_header : str
        Lower-case name of the header in which the venue tells the weight it counted.
    name : str
        Name of the budget that is shared; without one it is this object's alone.
    window_s : int
        Length of the window in seconds; a minute by default.
    more : iterable of Window
        Further windows that hold at the same time, such as `Window.month(9000)`.
    silence_s : float
        How long to be silent after a 429 without a hint; each time twice as long.
    wall_ms, sleep
        The clock and the way to wait, given so that tests need no time.
    """

    def __init__(
        self,
        limit_per_minute: int,
        *,
        used_header: str = "",
        name: str = "",
        window_s: int = 60,
        more: Iterable[Window] = (),
        silence_s: float = 5.0,
        wall_ms: Callable[[], int] = now_ms,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.windows = (Window(limit_per_minute, window_s), *more)
        self.name = name
        self._used_header = used_header
        self._wall_ms = wall_ms
        self._sleep = sleep
        self._silence = Backoff(base_s=silence_s, cap_s=3600.0)
        self._ledger = MemoryLedger()
        if name:
            self.join(name)

    def join(self, name: str) -> None:
        """Count together with every budget of this name."""
        shared = _registry.get(name)
        shared.windows = self.windows
        self.name, self._ledger = name, shared.ledger

    @property
    def limit(self) -> int:
        return self.windows[0].limit

    @property
    def used(self) -> int:
        """What is used up in the first window, by all who share it as far as is known here."""
        return self._ledger.used(self.windows[0], self._wall_ms())

    @used.setter
    def used(self, weight: int) -> None:
        self._ledger.restart(self.windows[0], weight, self._wall_ms())

    @property
    def blocked_until_ms(self) -> int:
        return self._ledger.blocked_until_ms

    @blocked_until_ms.setter
    def blocked_until_ms(self, epoch_ms: int) -> None:
        self._ledger.blocked_until_ms = epoch_ms

    @property
    def is_banned(self) -> bool:
        return self._ledger.is_ban and self._ledger.blocked_until_ms > self._wall_ms()

    async def acquire(self, weight: int, priority: Priority = Priority.CHART) -> None:
        """Take `weight`, waiting for the next window while the share of `priority` is used up.

        Raises
        ------
        RateLimited
            At once while the venue wants silence, and where the wait would be longer than two
            minutes, as for the rest of a month; nothing is asked before that time.
        """
        ticket = None
        try:
            while True:
                grant = await self._ask(weight, priority)
                if grant.is_granted:
                    return
                self._refuse_if_long(grant)
                if ticket is not None:
                    self._ledger.leave(ticket)
                ticket = self._ledger.queue(priority, self._wall_ms() + grant.wait_ms)
                await self._sleep(grant.wait_ms / 1000)
        finally:
            if ticket is not None:
                self._ledger.leave(ticket)

    def block_until(self, epoch_ms: int, *, is_ban: bool = False) -> None:
        """Keep silent until `epoch_ms`."""
        self._ledger.block(epoch_ms, is_ban=is_ban, now_ms=self._wall_ms())

    def gate(self, weight: int, priority: Priority = Priority.CHART) -> "WeightGate":
        """Return what `mystic.lib.http` asks before each try of one request."""
        return WeightGate(self, weight, priority)

    def heard(self, status: int, headers: Mapping[str, str]) -> None:
        """Believe the venue's own count where it is higher than ours."""
        if 200 <= status < 300:
            self._silence.succeeded()
        told = headers.get(self._used_header, "") if self._used_header else ""
        if told.isascii() and told.isdigit() and len(told) <= 9:
            at_ms, window = self._wall_ms(), self.windows[0]
            self._ledger.believe(window, Told(window.span(at_ms)[0], int(told)), at_ms)

    def limited(self, retry_after_s: float | None, *, is_ban: bool) -> None:
        """Fall silent as told, up to a tenth longer; without a hint longer each time."""
        told = self._silence.next_delay_s() if retry_after_s is None else retry_after_s
        wait_s = told * random.uniform(1.0, 1.1)  # noqa: S311  jitter, not a secret
        self.block_until(self._wall_ms() + int(wait_s * 1000) + 1, is_ban=is_ban)

    async def _ask(self, weight: int, priority: Priority) -> Grant:
        def take() -> Grant:
            return self._ledger.take(self.windows, weight, priority, now_ms=self._wall_ms())

        return await asyncio.to_thread(take) if self._ledger.is_remote else take()

    def _refuse_if_long(self, grant: Grant) -> None:
        if grant.blocked_ms:
            left_s = grant.blocked_ms / 1000
            message = f"asked to be silent for {left_s:.0f} s more"
            raise RateLimited(message, retry_after_s=left_s, is_ban=grant.is_ban)
        if grant.wait_ms > LONGEST_WAIT_MS:
            left_s = grant.wait_ms / 1000
            message = f"our own budget is used up for {left_s / 3600:.1f} h more"
            raise RateLimited(message, retry_after_s=left_s, is_ban=False)


def budget_named(
    name: str,
    limit: int,
    *,
    window_s: int = 60,
    more: Iterable[Window] = (),
    used_header: str = "",
    silence_s: float = 5.0,
) -> WeightBudget:
    """Return a view of the budget of this name, which is one for all who share the egress."""
    return WeightBudget(
        limit,
        used_header=used_header,
        name=name,
        window_s=window_s,
        more=more,
        silence_s=silence_s,
    )


@dataclass(frozen=True, slots=True)
class WeightGate:
    """One request's view of the budget."""

    budget: WeightBudget
    weight: int
    priority: Priority

    async def admit(self) -> None:
        await self.budget.acquire(self.weight, self.priority)

    def heard(self, status: int, headers: Mapping[str, str]) -> None:
        self.budget.heard(status, headers)

    def limited(self, retry_after_s: float | None, *, is_ban: bool) -> None:
        self.budget.limited(retry_after_s, is_ban=is_ban)
