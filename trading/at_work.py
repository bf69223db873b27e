"""What trading needs the prices of: what is held must be streamed, whoever watches it."""

from collections.abc import Collection

from django.db.models import Q

from markets.models import Instrument
from trading.models import MarketMaker, Order, Position


def symbols_at_work(venue_codes: Collection[str], asset_class: str) -> list[str]:
    """Return the symbols of these venues with a position, an order or a market maker at work."""
    held = Position.objects.filter(closed_at=None).values("instrument_id")
    working = Order.objects.filter(status__in=Order.WORKING).values("instrument_id")
    quoted = MarketMaker.objects.filter(state=MarketMaker.State.RUNNING).values("instrument_id")
    rows = Instrument.objects.filter(
        Q(pk__in=held) | Q(pk__in=working) | Q(pk__in=quoted),
        venue__code__in=venue_codes,
        asset_class=asset_class,
    )
    return list(rows.order_by("id").values_list("symbol", flat=True))
