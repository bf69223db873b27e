"""The small parts that every page is made of: figures, ages, icons, provenance, form fields."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from markets.types import TIMEFRAME_NAMES
from mystic.lib import clock
from mystic.lib import units as exact
from mystic.lib.provenance import Provenance

register = template.Library()

NOTHING = "—"
STATE_WORDS = {
    "live": "live",
    "stale": "stale: nothing newer has arrived",
    "replay": "replay: recorded, not happening now",
    "delayed": "delayed by its source",
    "imputed": "estimated, never traded on",
    "stored": "stored, not live",
    "closed": "closed",
    "missing": "not known",
}
# Beyond this a weekday alone does not say which day is meant.
NEAR_MS = 6 * 86_400_000


def _number(value: object) -> Decimal | None:
    """Return a finite decimal, or None for what is missing or is not a number."""
    if value is None or value == "":
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


@register.filter
def price(value: object, places: int | None = None) -> str:
    """Show a number with grouped thousands and fixed places, or a dash where there is none."""
    number = _number(value)
    if number is None:
        return NOTHING
    return f"{number:,f}" if places is None else f"{number:,.{int(places)}f}"


@register.filter
def signed(value: object, places: int = 2) -> SafeString | str:
    """Show a difference by arrow, sign and colour, so that none of them is needed alone."""
    number = _number(value)
    return NOTHING if number is None else _toned(number, places, "")


@register.filter
def change(value: object, places: int = 2) -> SafeString | str:
    """Show a signed fraction as a percentage: 0.0123 is ▲ +1.23 %."""
    number = _number(value)
    return NOTHING if number is None else _toned(number * 100, places, " %")


def _toned(number: Decimal, places: int, unit: str) -> SafeString:
    shown = f"{number:+,.{int(places)}f}"
    if not any(digit in shown for digit in "123456789"):
        return format_html('<span class="flat">{}{}</span>', shown.lstrip("+-"), unit)
    tone, arrow = ("up", "▲") if number > 0 else ("down", "▼")
    return format_html('<span class="{}">{} {}{}</span>', tone, arrow, shown, unit)


@register.filter
def percent(value: object, places: int = 2) -> str:
    """Show a fraction as a percentage: 0.0123 is 1.23 %."""
    number = _number(value)
    return NOTHING if number is None else f"{number * 100:,.{int(places)}f} %"


@register.filter
def timeframe(seconds: int) -> str:
    """Show the length of a bar by its name: 60 is 1m."""
    return TIMEFRAME_NAMES.get(seconds, f"{seconds} s")


@register.filter
def units(value: int | None, scale: int) -> str:
    """Show integer units of 10**-scale exactly, without trailing zeros."""
    return NOTHING if value is None else exact.shown(value, scale)


@register.filter
def places(instrument: Any) -> int:
    """Return how many decimal places an instrument's prices have, from its tick."""
    return exact.tick_places(int(instrument.tick), int(instrument.price_scale))


@register.filter
def reading(value: object, digits: int) -> str:
    """Show what a decision saw: a flag in words, a number to a little more than the tick."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    number = _number(value)
    if number is None:
        return NOTHING
    text = f"{number:,.{max(int(digits), 4)}f}"
    return text.rstrip("0").rstrip(".")


@register.filter
def age(milliseconds: float | None) -> str:
    """Show a span of time in the largest unit that says enough."""
    if milliseconds is None:
        return NOTHING
    seconds = max(0.0, milliseconds / 1000)
    if seconds < 10:
        return f"{seconds:.1f} s"
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"


@register.filter
def age_s(seconds: float | None) -> str:
    """Show a span of seconds."""
    return NOTHING if seconds is None else age(seconds * 1000)


@register.filter
def epoch(seconds: int | None) -> SafeString | str:
    """Show UTC epoch seconds as a `<time>`."""
    if seconds is None:
        return NOTHING
    moment = clock.from_ms(int(seconds) * 1000)
    return format_html(
        '<time datetime="{}">{}</time>',
        moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        moment.strftime("%Y-%m-%d %H:%M:%S"),
    )


@register.filter
def epoch_day(seconds: int | None) -> SafeString | str:
    """Show the UTC day of epoch seconds as a `<time>`."""
    if seconds is None:
        return NOTHING
    day = f"{clock.from_ms(int(seconds) * 1000):%Y-%m-%d}"
    return format_html('<time datetime="{}">{}</time>', day, day)


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw an icon of our sprite; it is decoration, the words beside it carry the meaning."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("icons/sprite.svg"),
        name,
    )


def _state(origin: Provenance | None) -> str:
    if origin is None:
        return "missing"
    marks = (
        (origin.is_replay, "replay"),
        (origin.is_imputed, "imputed"),
        (origin.closed_until_ms is not None, "closed"),
        (origin.is_delayed, "delayed"),
        (origin.is_stale, "stale"),
        (origin.is_live, "live"),
    )
    return next((name for is_so, name in marks if is_so), "stored")


def _moment(origin: Provenance) -> int | None:
    """Return the moment that the age of a value counts from.

    What came late, or stands since its market closed, is as old as the source says.
    """
    if origin.is_delayed or origin.closed_until_ms is not None:
        return origin.as_of_ms or origin.received_at_ms
    return origin.received_at_ms or origin.as_of_ms


def _words(state: str, origin: Provenance | None) -> str:
    """Return a state in words, with what is known of the market's hours."""
    if origin is None or origin.closed_until_ms is None:
        return STATE_WORDS[state]
    closed = closed_until(origin.closed_until_ms // 1000)
    return closed if state == "closed" else f"{STATE_WORDS[state]}; {closed}"


@register.filter
def closed_until(epoch_s: int | None) -> str:
    """Say when a closed market opens: closed until Mon 14:30 UTC, a far one with its date."""
    if epoch_s is None:
        return ""
    is_near = epoch_s * 1000 - clock.now_ms() < NEAR_MS
    shown = "%a %H:%M" if is_near else "%Y-%m-%d %H:%M"
    return f"closed until {clock.from_ms(epoch_s * 1000):{shown}} UTC"


@register.inclusion_tag("mystic/parts/provenance.html")
def provenance(
    origin: Provenance | None = None, *, live: str = "", reason: str = ""
) -> dict[str, Any]:
    """Show where a figure came from and how old it is; `live` is the subject that refreshes it."""
    moment = None if origin is None else _moment(origin)
    state = _state(origin)
    return {
        "origin": origin,
        "live": live,
        "reason": reason,
        "state": state,
        "state_words": _words(state, origin),
        "age_ms": None if moment is None else max(0, clock.now_ms() - moment),
        "as_of": clock.iso(origin.as_of_ms) if origin else None,
        "received_at": clock.iso(origin.received_at_ms) if origin else None,
    }


@register.inclusion_tag("mystic/parts/field.html")
def field(bound: BoundField, *, label: str = "") -> dict[str, Any]:
    """Show a form field with its label, help and errors, tied together for screen readers."""
    described = [f"{bound.id_for_label}-error"] if bound.errors else []
    if bound.help_text:
        described.append(f"{bound.id_for_label}-help")
    attrs: dict[str, Any] = {}
    if described:
        attrs["aria-describedby"] = " ".join(described)
    if bound.errors:
        attrs["aria-invalid"] = "true"
    return {
        "bound": bound,
        "label": label or bound.label,
        "widget": bound.as_widget(attrs=attrs),
        "is_check": isinstance(bound.field.widget, CheckboxInput),
    }


@register.filter
def since(moment: datetime | None) -> str:
    """Show how long ago a moment was."""
    if moment is None:
        return NOTHING
    return age(clock.now_ms() - moment.timestamp() * 1000)
