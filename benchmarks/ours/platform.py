"""Mystic's own Django in a child: an empty data folder, its instruments, no network."""

import gc
import os
from typing import Any

NOWHERE = "127.0.0.1:9"  # the discard port: nothing answers


def environment(folder: str, symbols: list[str]) -> dict[str, str]:
    """Return the settings of a child; nothing it holds came from an official host."""
    return {
        "MYSTIC_DATA_DIR": folder,
        "MYSTIC_SYMBOLS": ",".join(symbols),
        "MYSTIC_LOG_LEVEL": "WARNING",
        "BINANCE_REST_URL": f"http://{NOWHERE}",
        "BINANCE_WS_URL": f"ws://{NOWHERE}",
        "COINBASE_REST_URL": "off",
        "COINBASE_WS_URL": "off",
    }


def start() -> None:
    """Load Django, lay out the database, know the strategies."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "mystic.settings"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    # As `manage.py run` does once all is loaded.
    gc.collect()
    gc.freeze()


def instruments() -> list[Any]:
    """Make the venue and the watched instruments of MYSTIC_SYMBOLS."""
    from django.conf import settings

    from markets.models import Instrument, Venue
    from markets.selectors import venue_configured

    venue = Venue.objects.create(code=venue_configured(), name="load", is_replay=True)
    return Instrument.objects.bulk_create(
        Instrument(
            venue=venue,
            symbol=symbol,
            native_id=symbol.replace("/", ""),
            base=symbol.partition("/")[0],
            quote=symbol.partition("/")[2],
            tick=10**6,
            step=10**3,
            min_quantity=10**3,
            min_notional=5 * 10**8,
            is_watched=True,
        )
        for symbol in settings.ENV["MYSTIC_SYMBOLS"]
    )
