"""`manage.py replay FILE`: a local venue that speaks Binance's protocol from recorded data."""

import asyncio
import signal
from argparse import BooleanOptionalAction
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from markets.replay.files import ReplayFileError, tape_open
from markets.replay.market import Tape
from markets.replay.server import ReplayServer
from markets.types import TIMEFRAME_SECONDS


def _speed(text: str) -> float:
    value = float(text)
    if not 0 < value <= 100_000:
        message = "wants a number above 0"
        raise ValueError(message)
    return value


class Command(BaseCommand):
    """Serve recorded frames or bars on one port until Ctrl-C."""

    help = "Replay recorded frames or files of bars through Binance's own protocol."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("files", nargs="+", metavar="FILE", help="recorded frames, bars, or sp500")
        add("--speed", type=_speed, default=1.0, help="frames: times as fast; bars: bars a second")
        add("--port", type=int, default=8765, help="port on 127.0.0.1; 0 takes a free one")
        add("--symbol", help="such as BTC/USDT, where a file does not say it")
        add("--timeframe", choices=list(TIMEFRAME_SECONDS), help="where bars do not show it")
        add("--start", help="date from which bars are played; before it they are history")
        add("--history", type=int, help="how many bars before the start are served as history")
        add(
            "--wait",
            action=BooleanOptionalAction,
            default=True,
            help="let the clock stand until the first client subscribes",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tapes = self._tapes(options)
            asyncio.run(self._serve(tapes, options))
        except ReplayFileError as fault:
            raise CommandError(str(fault)) from fault
        except OSError as fault:
            message = f"port {options['port']} cannot be used: {fault.strerror}; choose --port"
            raise CommandError(message) from fault

    def _tapes(self, options: dict[str, Any]) -> list[Tape]:
        """Open every file; only the first has a history."""
        tapes: list[Tape] = []
        for name in options["files"]:
            is_first = not tapes
            tape = tape_open(
                name,
                symbol=options["symbol"],
                timeframe=options["timeframe"],
                start=options["start"] if is_first else None,
                history=options["history"] if is_first else 0,
            )
            told = tape.describe()
            self.stdout.write(f"{name}: {', '.join(told.symbols)}, bars of {told.timeframe}")
            tapes.append(tape)
        return tapes

    async def _serve(self, tapes: list[Tape], options: dict[str, Any]) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        server = ReplayServer(
            tapes,
            port=options["port"],
            speed=options["speed"],
            is_waiting=options["wait"],
            say=self._say,
        )
        async with server:
            self._say(f"BINANCE_REST_URL={server.rest_url} BINANCE_WS_URL={server.ws_url}")
            if options["wait"]:
                self._say("the clock stands until the first client subscribes")
            await stop.wait()

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()
