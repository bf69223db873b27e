"""`manage.py candles_export BTC/USDT --format csv`: stored bars as a file."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from markets.history import EARLIEST, LATEST, SpanError, time_read
from markets.models import Instrument
from markets.selectors import instrument_by_symbol
from markets.services.exports import FORMATS, candles_export
from markets.types import TIMEFRAME_SECONDS


class Command(BaseCommand):
    help = "Write the stored bars of one series as CSV or Parquet, with their sources."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("symbol", help="such as BTC/USDT")
        add("--format", choices=list(FORMATS), default="csv")
        add("--from", dest="start", default="", help="2024-01-01T00:00:00Z or epoch seconds")
        add("--to", dest="end", default="", help="the same; bars that open before it")
        add("--timeframe", choices=list(TIMEFRAME_SECONDS), help="instead of MYSTIC_TIMEFRAME")
        add("--venue", default="", help="such as import:mine; default: the venue that is streamed")
        add("--output", type=Path, help="a file; default: the standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        instrument = self._instrument(options["symbol"], options["venue"])
        timeframe = options["timeframe"] or settings.ENV["MYSTIC_TIMEFRAME"]
        try:
            start = time_read(options["start"], "--from") if options["start"] else EARLIEST
            end = time_read(options["end"], "--to") if options["end"] else LATEST
        except SpanError as fault:
            raise CommandError(fault.detail) from None
        pieces = candles_export(
            instrument_id=instrument.pk,
            timeframe=TIMEFRAME_SECONDS[timeframe],
            start=start,
            end=end,
            form=options["format"],
        )
        if options["output"] is None:
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            return
        try:
            with options["output"].open("wb") as file:
                for piece in pieces:
                    file.write(piece)
        except OSError as fault:
            raise CommandError(f"{options['output']} cannot be written: {fault.strerror}") from None
        self.stdout.write(f"{options['output']} is written")

    def _instrument(self, symbol: str, venue: str) -> Instrument:
        if not venue:
            try:
                return instrument_by_symbol(symbol)
            except Instrument.DoesNotExist as fault:
                raise CommandError(f"{fault}; --venue names another venue") from None
        row = Instrument.objects.filter(venue__code=venue, symbol=symbol.upper()).first()
        if row is None:
            raise CommandError(f"the venue {venue} has no {symbol.upper()}")
        return row
