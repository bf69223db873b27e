"""`manage.py practice`: recorded markets replayed into a fresh Mystic beside it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from markets.replay.files import ReplayFileError, describe

SP500 = "sp500"


class Command(BaseCommand):
    """Start the replay server and the platform as two children; end both together."""

    help = "Replay recorded market data into a fresh Mystic; everything is marked REPLAY."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="*", help="recorded frames or candle files")
        parser.add_argument("--speed", help="frames: times as fast; bars: bars a second")
        parser.add_argument("--symbol", help="such as BTC/USDT, where a file does not say it")
        parser.add_argument("--timeframe", help="where bars do not show it, such as 1m")

    def handle(self, *args: Any, **options: Any) -> None:
        files = options["files"] or [SP500]
        named = {name: options[name] for name in ("symbol", "timeframe") if options[name]}
        try:
            market = describe(files[0], **named)
        except ReplayFileError as fault:
            raise CommandError(str(fault)) from fault
        folder = settings.DATA_DIR / "replay"
        shutil.rmtree(folder, ignore_errors=True)
        port = free_port()
        environment = {
            **os.environ,
            "MYSTIC_DATA_DIR": str(folder),
            "MYSTIC_SYMBOLS": ",".join(market.symbols),
            "MYSTIC_TIMEFRAME": market.timeframe,
            "MYSTIC_HISTORY_DAYS": "3650" if market.timeframe == "1d" else "30",
            "MYSTIC_PAPER_CURRENCY": market.quote,
            "BINANCE_REST_URL": f"http://127.0.0.1:{port}",
            "BINANCE_WS_URL": f"ws://127.0.0.1:{port}",
            "COINBASE_REST_URL": "off",
            "COINBASE_WS_URL": "off",
        }
        replay = ["replay", *files, "--port", str(port)]
        for name in ("speed", "symbol", "timeframe"):
            if options[name]:
                replay += [f"--{name}", options[name]]
        self.stdout.write(f"Replaying {', '.join(files)} on an empty platform in {folder}")
        sys.exit(run_together([replay, ["run"]], environment))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_together(commands: list[list[str]], environment: dict[str, str]) -> int:
    """Run management commands side by side until the last of them ends; return its exit code."""
    program = [sys.executable, str(Path(sys.argv[0]).resolve())]
    children = [subprocess.Popen([*program, *words], env=environment) for words in commands]  # noqa: S603

    def end(*_: object) -> None:
        for child in children:
            child.send_signal(signal.SIGTERM)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, lambda *_: None)  # the terminal sends it to the children itself
    try:
        return children[-1].wait()
    finally:
        end()
        for child in children:
            child.wait()
