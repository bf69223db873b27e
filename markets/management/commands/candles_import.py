"""`manage.py candles_import FILE --symbol BTC/USDT`: bars of a file, all of them or none."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from markets.models import Instrument
from markets.services.blocks import blocks_pack
from markets.services.imports import FileRefused, Imported, ImportRequestError, candles_import
from markets.types import TIMEFRAME_SECONDS
from mystic.lib.clock import from_ms

TELL_EVERY_S = 2.0


class Command(BaseCommand):
    help = "Import bars from a CSV or Parquet file into a series of its own; nothing is mixed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("file", type=Path, help="ends in .csv or .parquet; docs/candles.md says what is read")
        add("--symbol", required=True, help="such as BTC/USDT or AAPL/USD")
        add("--timeframe", choices=list(TIMEFRAME_SECONDS), help="instead of MYSTIC_TIMEFRAME")
        add("--source-name", default="file", help="the series belongs to the venue import:NAME")
        add("--asset-class", choices=["crypto", "stock", "fx"], default="crypto")

    def handle(self, *args: Any, **options: Any) -> None:
        self._told_at = time.monotonic()
        timeframe = options["timeframe"] or settings.ENV["MYSTIC_TIMEFRAME"]
        try:
            done = candles_import(
                options["file"],
                symbol=options["symbol"].upper(),
                timeframe=TIMEFRAME_SECONDS[timeframe],
                name=options["source_name"],
                asset_class=Instrument.AssetClass(options["asset_class"]),
                on_progress=self._progress,
            )
        except FileRefused as refusal:
            told = "\n  ".join(str(fault) for fault in refusal.faults)
            rest = refusal.total - len(refusal.faults)
            more = f"\n  and {rest:,} more" if rest else ""
            raise CommandError(f"nothing was imported:\n  {told}{more}") from None
        except ImportRequestError as fault:
            raise CommandError(f"nothing was imported: {fault}") from None
        self._report(done)
        blocks_pack(most=100_000)

    def _report(self, done: Imported) -> None:
        stored, say = done.stored, self.stdout.write
        instrument = done.instrument
        first, last = (from_ms(1000 * at).isoformat() for at in (done.first, done.last))
        say(f"{instrument.symbol} of {instrument.venue.code}: bars from {first} to {last}")
        say(f"{stored.new:,} new, {stored.revised:,} corrected, {stored.same:,} known already")
        if done.hole_count:
            say(f"the file lacks {done.slots_missing:,} bars in {done.hole_count:,} places;")
            say("they stay empty and are on record as absent:")
            for hole in done.holes[:10]:
                start, end = (from_ms(1000 * at).isoformat() for at in (hole.start, hole.end))
                say(f"  from {start} to {end}")

    def _progress(self, text: str) -> None:
        if time.monotonic() - self._told_at >= TELL_EVERY_S:
            self._told_at = time.monotonic()
            self.stdout.write(text)
            self.stdout.flush()
