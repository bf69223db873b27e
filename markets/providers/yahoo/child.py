"""The child process that asks Yahoo: begun when needed, ended when idle, killed when stuck."""

import asyncio
import logging
import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from mystic.lib.http import Malformed, Unreachable

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[3]
WORKER = "markets.providers.yahoo.worker"
# The import alone needs seconds on a slow machine.
START_WITHIN_S = 90.0
ANSWER_WITHIN_S = 30.0
REQUEST_S = 8.0
IDLE_S = 300.0
END_WITHIN_S = 2.0
LONGEST_LINE = 16 * 1024 * 1024
# What the child inherits: no key or password of ours is among it.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR")


class Reply(msgspec.Struct):
    """One line of the worker; see there."""

    id: int
    status: int = 0
    text: str = ""
    fault: str = ""
    message: str = ""


class Child:
    """One worker and the conversation with it; it belongs to one event loop.

    Parameters
    ----------
    base_url : str
        Where to ask instead of Yahoo; empty is Yahoo itself.
    cache_folder : str
        Where yfinance keeps its cookies; a temporary folder when empty.
    """

    def __init__(
        self,
        base_url: str,
        *,
        cache_folder: str = "",
        start_s: float = START_WITHIN_S,
        answer_s: float = ANSWER_WITHIN_S,
        idle_s: float = IDLE_S,
    ) -> None:
        self.starts = 0
        self._base_url = base_url
        self._cache_folder = cache_folder
        self._start_s, self._answer_s, self._idle_s = start_s, answer_s, idle_s
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._number = 0
        self._killed: list[asyncio.subprocess.Process] = []

    @property
    def pid(self) -> int | None:
        """The process id of a running worker, None while there is none."""
        process = self._process
        return None if process is None or process.returncode is not None else process.pid

    async def ask(
        self, path: str, params: Mapping[str, str | int], *, needs_crumb: bool = False
    ) -> Reply:
        """Return what the worker answers; one question at a time.

        Raises
        ------
        Unreachable
            If the worker could not begin, ended, or did not answer in time; it is begun anew by
            the next question.
        """
        async with self._turn:
            self._rest()
            process = await self._running()
            self._number += 1
            request = {
                "id": self._number,
                "path": path,
                "params": dict(params),
                "needs_crumb": needs_crumb,
                "timeout_s": min(REQUEST_S, self._answer_s),
            }
            try:
                async with asyncio.timeout(self._answer_s):
                    reply = await self._exchange(process, request)
            except TimeoutError:
                self._kill()
                message = f"Yahoo's worker did not answer within {self._answer_s:.0f} s"
                raise Unreachable(message) from None
            except BaseException:
                # An answer that nobody waits for would be taken for that of the next question.
                self._kill()
                raise
            loop = asyncio.get_running_loop()
            self._idle = loop.call_later(self._idle_s, self._end_idle)
            return reply

    async def aclose(self) -> None:
        """End the worker."""
        self._rest()
        process, self._process = self._process, None
        if process is not None:
            await _ended(process)
        killed, self._killed = self._killed, []
        for one in killed:
            await one.wait()
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    async def _exchange(
        self, process: asyncio.subprocess.Process, request: Mapping[str, object]
    ) -> Reply:
        assert process.stdin is not None  # noqa: S101  it was asked for
        with suppress(ConnectionError):
            process.stdin.write(msgspec.json.encode(request) + b"\n")
            await process.stdin.drain()
        while True:
            reply = await self._line(process)
            if reply.id == request["id"]:
                return reply

    async def _line(self, process: asyncio.subprocess.Process) -> Reply:
        assert process.stdout is not None  # noqa: S101  it was asked for
        try:
            line = await process.stdout.readline()
        except ValueError:
            message = f"Yahoo's worker gave more than {LONGEST_LINE} bytes"
            raise Malformed(message) from None
        if not line.endswith(b"\n"):
            await process.wait()
            raise Unreachable(f"Yahoo's worker ended with code {process.returncode}")
        try:
            return msgspec.json.decode(line, type=Reply)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            raise Malformed(f"Yahoo's worker gave no valid line: {fault}") from None

    async def _running(self) -> asyncio.subprocess.Process:
        """Return a worker that is ready, begun if there is none."""
        if self._process is not None and self._process.returncode is None:
            return self._process
        self.starts += 1
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", WORKER, self._base_url, self._folder()),
                cwd=ROOT,
                env=self._environment(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                limit=LONGEST_LINE,
                start_new_session=True,
            )
        except OSError as fault:
            raise Unreachable(f"Yahoo's worker could not begin: {fault}") from fault
        try:
            async with asyncio.timeout(self._start_s):
                await self._line(process)
        except TimeoutError:
            self._kill()
            message = f"Yahoo's worker was not ready within {self._start_s:.0f} s"
            raise Unreachable(message) from None
        except BaseException:
            self._kill()
            raise
        return process

    def _folder(self) -> str:
        if self._cache_folder:
            Path(self._cache_folder).mkdir(parents=True, exist_ok=True)
            return self._cache_folder
        if self._temporary is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="mystic-yahoo-")
        return self._temporary.name

    def _environment(self) -> dict[str, str]:
        env = {name: os.environ[name] for name in INHERITED if name in os.environ}
        env |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
        if self._base_url:
            # A browser's TLS is of no use for another address, and cannot be rerouted.
            env["YF_DISABLE_CURL_CFFI"] = "1"
        return env

    def _rest(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _end_idle(self) -> None:
        """End a worker that nobody asked for a while; its memory is worth more than its start."""
        process = self._process
        if not self._turn.locked() and process is not None and process.stdin is not None:
            self._process = None
            process.stdin.close()

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            self._killed = [one for one in self._killed if one.returncode is None]
            self._killed.append(process)
            with suppress(ProcessLookupError):
                process.kill()


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Let a worker end by itself, or kill it."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(END_WITHIN_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
