"""`manage.py backfill`: fetch history once and end, of the watch list or years of named pairs."""

import asyncio
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from markets.history import SpanError, time_read
from markets.providers.table import PROVIDERS, Gives
from markets.streaming.backfill import SourceOff, backfill, backfill_deep
from markets.streaming.streamer import plan_configured
from markets.types import TIMEFRAME_SECONDS
from mystic.lib.clock import now_ms
from mystic.lib.http import SourceError

DAY_S = 86_400
TELL_EVERY_S = 5.0
DRAW_EVERY_S = 0.5
SOURCES = [code for code, one in PROVIDERS.items() if Gives.BARS in one.gives]


class Command(BaseCommand):
    help = (
        "Back-fill bars from REST, then end. With --since, --until, --symbols or --source: years "
        "of any pairs of any source, beside a running platform; run again it goes on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--days", type=int, help="instead of MYSTIC_HISTORY_DAYS")
        add("--within", type=float, default=3600.0, help="seconds to give up after")
        add("--symbols", nargs="+", help="such as BTC/USDT; default: the watch list")
        add("--since", help="2020-01-01T00:00:00Z, 2020-01-01 or epoch seconds")
        add("--until", help="the same; now unless given")
        add("--source", choices=SOURCES, help="binance unless given")

    def handle(self, *args: Any, **options: Any) -> None:
        """Fill the store down to the wanted day, or say why that was not possible."""
        days = options["days"]
        if days is not None and not 1 <= days <= 3650:
            message = "--days wants a whole number from 1 to 3650"
            raise CommandError(message)
        is_deep = any(options[name] for name in ("symbols", "since", "until", "source"))
        try:
            asyncio.run(self._deep(options) if is_deep else self._watched(options))
        except TimeoutError:
            message = "the history is not complete yet; run it again to go on"
            raise CommandError(message) from None
        except KeyboardInterrupt:
            message = "stopped; run it again to go on"
            raise CommandError(message) from None

    async def _watched(self, options: dict[str, Any]) -> None:
        plan = plan_configured(history_days=options["days"])
        await backfill(plan, on_progress=self._say, within_s=options["within"])

    async def _deep(self, options: dict[str, Any]) -> None:
        since, until = self._span(options)
        is_drawn = sys.stdout.isatty()
        begun = time.monotonic()
        try:
            async with asyncio.timeout(options["within"]):
                done = await backfill_deep(
                    provider=options["source"] or "binance",
                    symbols=self._symbols(options["symbols"]),
                    timeframe=TIMEFRAME_SECONDS[settings.ENV["MYSTIC_TIMEFRAME"]],
                    since=since,
                    until=until,
                    on_progress=self._draw if is_drawn else self._list,
                    every_s=DRAW_EVERY_S if is_drawn else TELL_EVERY_S,
                    env=settings.ENV,
                )
        except (SourceOff, SourceError) as fault:
            raise CommandError(str(fault)) from None
        self._list([one.line() for one in done])
        bars = sum(one.bars for one in done)
        took = max(time.monotonic() - begun, 1e-3)
        self._say(f"{bars:,} bars in {took:,.1f} s, {bars / took:,.0f} bars/s")
        failed = [f"{one.symbol}: {one.fault}" for one in done if one.fault]
        if failed:
            raise CommandError(f"not complete, run it again to go on; {'; '.join(failed)}")

    def _span(self, options: dict[str, Any]) -> tuple[int, int]:
        now = now_ms() // 1000
        days = options["days"] or settings.ENV["MYSTIC_HISTORY_DAYS"]
        until = self._moment(options["until"], "--until") if options["until"] else now
        since = (
            self._moment(options["since"], "--since") if options["since"] else now - days * DAY_S
        )
        if since >= min(until, now):
            message = "--since must lie before --until and before now"
            raise CommandError(message)
        return since, until

    def _moment(self, text: str, name: str) -> int:
        is_day = len(text) == len("2020-01-01") and text.count("-") == 2
        try:
            return time_read(f"{text}T00:00:00Z" if is_day else text, name)
        except SpanError as fault:
            raise CommandError(fault.detail) from None

    def _symbols(self, told: list[str] | None) -> list[str]:
        names = told or settings.ENV["MYSTIC_SYMBOLS"]
        return list(dict.fromkeys(one.upper() for text in names for one in text.split(",") if one))

    def _draw(self, lines: list[str]) -> None:
        """Draw the lines over those drawn before."""
        drawn = getattr(self, "_drawn", 0)
        back = f"\x1b[{drawn}A" if drawn else ""
        self.stdout.write(back + "\n".join(f"\x1b[2K{line}" for line in lines))
        self.stdout.flush()
        self._drawn = len(lines)

    def _list(self, lines: list[str]) -> None:
        for line in lines:
            self._say(line)

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
