"""Write a venue's raw frames as they come: `<local nanoseconds> <frame>`, a line each.

Answers of REST that a replay needs (rules, bars of before, books) are written between them as
`{"rest": "<path?query>", "data": <body>}`, so that a recording stands alone.
"""

import asyncio
import gzip
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from markets.providers.base import source_name
from markets.providers.binance.rest import budget_default, depth_weight
from markets.providers.binance.stream import streams_for
from mystic.lib.backoff import Backoff
from mystic.lib.http import HttpClient, Malformed, Params, SourceError
from mystic.lib.ratelimit import WeightBudget

FLUSH_S = 1.0
SILENCE_S = 10.0
BOOK_LIMIT = 1000
HISTORY_BARS = 1000


class Recording:
    """A file that is added to; a name ending in .gz is compressed, each flush a whole block."""

    def __init__(self, path: Path) -> None:
        self.frames = 0
        self.bytes = 0
        self._raw = path.open("ab")
        is_packed = path.suffix == ".gz"
        self._packed = gzip.GzipFile(fileobj=self._raw, mode="ab") if is_packed else None
        self._flushed_at = time.monotonic()

    def write(self, raw: bytes, at_ns: int) -> None:
        line = b"%d %s\n" % (at_ns, raw)
        (self._packed or self._raw).write(line)
        self.frames += 1
        self.bytes += len(line)
        if time.monotonic() - self._flushed_at >= FLUSH_S:
            self.flush()

    def flush(self) -> None:
        if self._packed is not None:
            self._packed.flush()
        self._raw.flush()
        self._flushed_at = time.monotonic()

    def close(self) -> None:
        if self._packed is not None:
            self._packed.close()
        self._raw.close()


class Recorder:
    """Records the combined stream of Binance, or of whatever speaks its protocol.

    Parameters
    ----------
    native_ids : sequence of str
        Such as BTCUSDT.
    timeframe : int
        Seconds of the bars that are recorded beside quotes, trades and books.
    """

    def __init__(
        self,
        recording: Recording,
        *,
        rest_url: str,
        ws_url: str,
        native_ids: Sequence[str],
        timeframe: int = 60,
        say: Callable[[str], None] = lambda _: None,
        budget: WeightBudget | None = None,
    ) -> None:
        self.source = source_name("binance", ws_url)
        self._recording = recording
        self._rest_url = rest_url
        self._ws_url = ws_url.rstrip("/")
        self._native_ids = list(native_ids)
        self._streams = streams_for(native_ids, timeframe)
        self._interval = timeframe
        self._say = say
        self._budget = budget or budget_default()
        self._is_first = True

    async def run(self, seconds: float | None = None) -> None:
        """Record until cancelled, or for `seconds`; the file is flushed and closed at the end."""
        try:
            async with asyncio.timeout(seconds):
                await self._keep_recording()
        except TimeoutError:
            pass
        finally:
            self._recording.close()

    async def _keep_recording(self) -> None:
        backoff = Backoff()
        while True:
            before = self._recording.frames
            try:
                await self._record_once()
                reason = "closed by the other side"
            except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed) as fault:
                reason = type(fault).__name__
            if self._recording.frames > before:
                backoff.succeeded()
            delay_s = backoff.next_delay_s()
            self._say(f"the connection ended ({reason}); again in {delay_s:.1f} s")
            await asyncio.sleep(delay_s)

    async def _record_once(self) -> None:
        """Record one connection; the books are asked for once its frames flow."""
        async with connect(
            f"{self._ws_url}/stream",
            proxy=None,
            ping_interval=None,
            compression=None,
            max_size=16 * 1024 * 1024,
            close_timeout=1,
        ) as socket:
            message = {"method": "SUBSCRIBE", "params": self._streams, "id": 1}
            await socket.send(msgspec.json.encode(message).decode())
            asking = asyncio.create_task(self._ask())
            try:
                while True:
                    async with asyncio.timeout(SILENCE_S):
                        raw = await socket.recv(decode=False)
                    if raw.startswith(b'{"stream"'):
                        self._recording.write(raw.replace(b"\n", b" "), time.time_ns())
            finally:
                asking.cancel()

    async def _ask(self) -> None:
        """Record what a replay needs to stand alone; what does not come is said, not invented."""
        async with HttpClient(self._rest_url) as client:
            try:
                if self._is_first:
                    await self._ask_rules_and_bars(client)
                    self._is_first = False
                for native_id in self._native_ids:
                    query = (("symbol", native_id), ("limit", BOOK_LIMIT))
                    await self._ask_one(client, "/api/v3/depth", query, depth_weight(BOOK_LIMIT))
            except SourceError as fault:
                self._say(f"not recorded: {fault}")

    async def _ask_rules_and_bars(self, client: HttpClient) -> None:
        symbols = msgspec.json.encode(self._native_ids).decode()
        await self._ask_one(client, "/api/v3/exchangeInfo", (("symbols", symbols),), 20)
        for native_id in self._native_ids:
            query = (("symbol", native_id), ("interval", "1m"), ("limit", HISTORY_BARS))
            await self._ask_one(client, "/api/v3/klines", query, 2)

    async def _ask_one(self, client: HttpClient, path: str, query: Params, weight: int) -> None:
        answer = await client.get(path, query, gate=self._budget.gate(weight))
        try:
            body = msgspec.json.format(answer.body, indent=-1)
        except msgspec.DecodeError as fault:
            raise Malformed(f"{path} gave no valid data: {fault}") from None
        target = path + "?" + "&".join(f"{name}={value}" for name, value in query)
        head = msgspec.json.encode({"rest": target})[:-1]
        self._recording.write(head + b',"data":' + body + b"}", time.time_ns())
