"""The count of a budget in Redis: one for every process that shares an address."""

import logging
import time
from collections.abc import Sequence
from typing import Any

from mystic.lib.budget_memory import MemoryLedger
from mystic.lib.budget_windows import (
    RANKS,
    SHARES,
    Grant,
    Priority,
    Snapshot,
    Told,
    Usage,
    Window,
)

log = logging.getLogger(__name__)

# While Redis is away every process counts for itself and allows itself only this part.
ALONE_FRACTION = 0.5
ASK_AGAIN_AFTER_S = 5.0
TIMEOUT_S = 0.5

# Windows run by the clock of Redis, so that the processes' own clocks do not matter. A window's
# hash holds the weight by priority and in `others` what the venue counted beyond it.
TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local block = redis.call('HMGET', KEYS[1], 'until', 'ban')
local silence = tonumber(block[1] or '0') - now
if silence > 0 then return {0, silence, tonumber(block[2] or '0'), 0, 0} end
local weight, priority, share = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local told_start, told = tonumber(ARGV[4]), tonumber(ARGV[5])
local wait, first_start, first_used, windows = 0, 0, 0, {}
for at = 6, #ARGV, 4 do
  local length, limit = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local start, over = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  if start == 0 then
    start = now - now % length
    over = start + length
  end
  local key = string.format('%s:%d:%d', KEYS[1], length, start)
  local used, others = 0, 0
  local kept = redis.call('HGETALL', key)
  for field = 1, #kept, 2 do
    used = used + tonumber(kept[field + 1])
    if kept[field] == 'others' then others = tonumber(kept[field + 1]) end
  end
  if at == 6 and told_start == start and told > used then
    redis.call('HSET', key, 'others', others + told - used)
    redis.call('PEXPIRE', key, over - now + 60000)
    used = told
  end
  if used > 0 and used + weight > limit * share then wait = math.max(wait, over - now) end
  if at == 6 then first_start, first_used = start, used end
  windows[#windows + 1] = {key, over}
end
if wait > 0 then return {wait, 0, 0, first_start, first_used} end
for _, window in ipairs(windows) do
  redis.call('HINCRBY', window[1], priority, weight)
  redis.call('PEXPIRE', window[1], window[2] - now + 60000)
end
return {0, 0, 0, first_start, first_used + weight}
"""

BLOCK = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local block = redis.call('HMGET', KEYS[1], 'until', 'ban')
local before, ban = tonumber(block[1] or '0'), tonumber(block[2] or '0')
if before <= now then ban = 0 end
local over = math.max(before, now + tonumber(ARGV[1]))
if over > now then
  ban = math.max(ban, tonumber(ARGV[2]))
  redis.call('HSET', KEYS[1], 'until', string.format('%d', over), 'ban', ban)
  redis.call('PEXPIREAT', KEYS[1], string.format('%d', over))
end
return over - now
"""


class RedisLedger(MemoryLedger):
    """A ledger that all processes share; without Redis it counts in memory, never without limit.

    Parameters
    ----------
    url : str
        Address of Redis.
    name : str
        Name of the budget with its egress; braces keep its keys in one slot of a cluster.
    """

    is_remote = True

    def __init__(self, url: str, name: str) -> None:
        super().__init__()
        self._key = f"mystic:budget:{{{name}}}"
        self._client, self._errors = _client(url)
        self._take = self._client.register_script(TAKE)
        self._block = self._client.register_script(BLOCK)
        self._away_until_s = 0.0
        self._heard = Told()
        self._newest = Grant()
        self.fault = ""

    def take(
        self,
        windows: Sequence[Window],
        weight: int,
        priority: Priority,
        *,
        now_ms: int,
        fraction: float = 1.0,
    ) -> Grant:
        silence_ms = self.blocked_until_ms - now_ms
        if silence_ms > 0:
            return Grant(blocked_ms=silence_ms, is_ban=self.is_ban)
        stand_back_ms = self.stand_back_ms(priority, now_ms)
        if stand_back_ms:
            return Grant(stand_back_ms)
        arguments = [weight, str(priority), SHARES[priority], self._heard.start_ms]
        arguments += [self._heard.used, *_described(windows, now_ms)]
        answer = self._ask(lambda: self._take(keys=[self._key], args=arguments))
        if answer is None:
            return super().take(
                windows, weight, priority, now_ms=now_ms, fraction=fraction * ALONE_FRACTION
            )
        wait_ms, blocked_ms, ban, start_ms, used = (int(part) for part in answer)
        if blocked_ms:
            super().block(now_ms + blocked_ms, is_ban=bool(ban), now_ms=now_ms)
        self._newest = Grant(wait_ms, blocked_ms, bool(ban), start_ms, used)
        return self._newest

    def used(self, window: Window, now_ms: int) -> int:
        """Return the use as Redis or the venue told it last; in memory while Redis is away."""
        start_ms = window.span(now_ms)[0]
        if self.fault:
            return super().used(window, now_ms)
        told = self._heard.used if self._heard.start_ms == start_ms else 0
        return max(told, self._newest.used if self._newest.start_ms == start_ms else 0)

    def believe(self, window: Window, told: Told, now_ms: int) -> None:
        """Remember the venue's count; it goes to Redis with the next request."""
        super().believe(window, told, now_ms)
        if (told.start_ms, told.used) > (self._heard.start_ms, self._heard.used):
            self._heard = told

    def block(self, until_ms: int, *, is_ban: bool, now_ms: int) -> None:
        super().block(until_ms, is_ban=is_ban, now_ms=now_ms)
        span = [until_ms - now_ms, int(is_ban)]
        self._ask(lambda: self._block(keys=[self._key], args=span))

    def snapshot(self, windows: Sequence[Window], now_ms: int) -> Snapshot:
        kept = self._ask(lambda: self._read(windows, now_ms))
        own = super().snapshot(windows, now_ms)
        if kept is None:
            return own
        usages, (until, ban) = kept[:-1], kept[-1]
        blocked_until_ms = max(int(until or 0), own.blocked_until_ms)
        return Snapshot(
            [
                _usage(window, window.span(now_ms)[0], found)
                for window, found in zip(windows, usages, strict=True)
            ],
            blocked_until_ms,
            (own.is_ban or ban == b"1") and blocked_until_ms > now_ms,
        )

    def _read(self, windows: Sequence[Window], now_ms: int) -> list[Any]:
        pipe = self._client.pipeline(transaction=False)
        for window in windows:
            pipe.hgetall(f"{self._key}:{window.seconds * 1000}:{window.span(now_ms)[0]}")
        pipe.hmget(self._key, "until", "ban")
        return list(pipe.execute())

    def _ask(self, call: Any) -> Any:
        """Return what Redis answers, None while it is away; then it is left alone for a moment."""
        if time.monotonic() < self._away_until_s:
            return None
        try:
            answer = call()
        except self._errors as fault:
            if not self.fault:
                log.warning(
                    "Redis cannot be asked for the budget %s, half of it is counted in this"
                    " process: %s",
                    self._key,
                    fault,
                )
            self.fault = str(fault)
            self._away_until_s = time.monotonic() + ASK_AGAIN_AFTER_S
            return None
        if self.fault:
            log.warning("Redis keeps the budget %s again", self._key)
        self.fault = ""
        return answer


def _described(windows: Sequence[Window], now_ms: int) -> list[int]:
    """Return length, limit, start and end of each window; Redis finds those of a fixed length."""
    told: list[int] = []
    for window in windows:
        span = window.span(now_ms) if window.is_month else (0, 0)
        told += [window.seconds * 1000, window.limit, *span]
    return told


def _usage(window: Window, start_ms: int, kept: dict[bytes, bytes]) -> Usage:
    weights = {name.decode(): int(weight) for name, weight in kept.items()}
    used = sum(weights.values())
    by = {str(one): weights[one] for one in RANKS if one in weights}
    return Usage(window, start_ms, used, by)


_clients: dict[str, Any] = {}


def _client(url: str) -> tuple[Any, tuple[type[Exception], ...]]:
    """Return this process's client and what it raises when Redis is away."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    if url not in _clients:
        _clients[url] = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
    return _clients[url], (redis.RedisError, OSError)
