"""When a user is to be told, and in which words: pure, from values to a decision and a text.

Every text is one of the fixed sentences below with values put in; there are no templates of users.
Values are cleaned of control and direction-changing characters here and escaped where they are
shown (page, mail, Telegram).
"""

import math
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

TITLE_LIMIT = 140
BODY_LIMIT = 1000
DIRECTIONS = ("above", "below")
# States of a source in which no fresh data come from it.
DOWN_STATES = frozenset({"down", "blocked", "stale"})
# A source that flaps tells once in this time.
SOURCE_QUIET_S = 900


@dataclass(frozen=True, slots=True)
class Text:
    """What an alert says; both parts are plain text."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class PriceRule:
    """A level to watch on one instrument.

    `is_armed` says that the price was last seen on the other side: below the level for `above`,
    above it for `below`; None while no price was seen. `row_version` changes when its owner
    switches it.
    """

    rule_id: int
    user_id: int
    instrument_id: int
    direction: str
    level: float
    is_armed: bool | None = None
    row_version: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What one price did to a rule."""

    is_armed: bool
    is_fired: bool


def price_step(rule: PriceRule, price: float) -> Step | None:
    """Return what `price` does to the rule, or None where it changes nothing.

    A rule fires when the price reaches or passes its level coming from the other side. A first
    price that already stands on the far side only shows the rule where it stands.
    """
    if not (math.isfinite(price) and price > 0):
        return None
    is_other_side = price < rule.level if rule.direction == "above" else price > rule.level
    if is_other_side == rule.is_armed:
        return None
    return Step(is_armed=is_other_side, is_fired=bool(rule.is_armed) and not is_other_side)


def quiet_band(levels: Iterable[float], price: float) -> tuple[float, float]:
    """Return the open interval around `price` that holds no level: nothing can happen in it."""
    low, high = -math.inf, math.inf
    for level in levels:
        if level <= price:
            low = max(low, level)
        if level >= price:
            high = min(high, level)
    return low, high


def is_signal_wanted(
    *,
    confidence: float,
    instrument_id: int,
    min_confidence: object,
    rule_instrument_id: int | None,
) -> bool:
    """Say whether a signal passes a rule's threshold and instrument."""
    if rule_instrument_id is not None and rule_instrument_id != instrument_id:
        return False
    least = float(min_confidence) if isinstance(min_confidence, int | float) else 0.0
    return confidence >= least


def is_down(state: str) -> bool:
    return state in DOWN_STATES


def plain(value: object, limit: int = 200) -> str:
    """Return a value as one line of visible text: no control, format or surrogate characters."""
    text = "".join(
        " " if character in "\r\n\t" else character
        for character in str(value)
        if character in "\r\n\t" or unicodedata.category(character)[0] != "C"
    )
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _text(title: str, *lines: str) -> Text:
    body = "\n".join(plain(line, 400) for line in lines if line)
    return Text(title=plain(title, TITLE_LIMIT), body=body[:BODY_LIMIT])


def figure(value: float | None, places: int) -> str:
    """Return a market price as people write it: to the tick, no exponent, no trailing zeros."""
    if value is None or not math.isfinite(value):
        return "none"
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def origin_text(*, source: str, is_live: bool, as_of: str) -> str:
    """Return the line that says where the facts of an alert come from."""
    if not source:
        return "From Mystic itself"
    kind = "live" if is_live else "not live"
    if source.startswith("replay:"):
        return f"REPLAY of {plain(source.removeprefix('replay:'))}, not live, as of {as_of}"
    return f"Source {plain(source)}, {kind}, as of {as_of}"


def price_text(*, symbol: str, direction: str, level: str, price: float, places: int) -> Text:
    word = "rose to" if direction == "above" else "fell to"
    return _text(
        f"{symbol} {word} {figure(price, places)}",
        f"Your level of {level} was crossed {'upwards' if direction == 'above' else 'downwards'}.",
        "The price is the middle between best bid and best ask.",
    )


def signal_text(
    *,
    symbol: str,
    side: str,
    strategy: str,
    confidence: float,
    price: float,
    stop: float | None,
    take: float | None,
    places: int,
    reason: str,
) -> Text:
    """Tell a signal; `places` is how many decimal places the instrument's tick has."""
    levels = f"Stop {figure(stop, places)}, target {figure(take, places)}."
    return _text(
        f"{side} {symbol} at {figure(price, places)}: {strategy}",
        f"Confidence {round(100 * confidence)} %.",
        levels if stop is not None else "",
        f"Why: {reason}" if reason else "",
    )


def fill_text(
    *, symbol: str, side: str, quantity: str, price: str, fee: str, mode: str, is_whole: bool
) -> Text:
    word = "Bought" if side == "buy" else "Sold"
    return _text(
        f"{word} {quantity} {symbol} at {price} ({mode})",
        f"Fee {fee}.",
        "The order is filled." if is_whole else "The order is partly filled.",
    )


def risk_text(*, account: str, reason_code: str, detail: str) -> Text:
    return _text(
        f"Trading stopped on {account}",
        detail,
        f"Reason: {reason_code}.",
    )


def parity_text(*, strategy: str, account: str, summary: str) -> Text:
    return _text(
        f"{strategy} on {account} does not decide the same again",
        f"{summary}.",
        "Its page says which decisions, and what each difference comes from.",
    )


def source_text(*, source: str, state: str, detail: str) -> Text:
    return _text(
        f"Data source {source} is {state}",
        detail,
        "Prices from it are not fresh; no order is filled on them.",
    )


def disagreement_text(
    *,
    symbol: str,
    source: str,
    price: float,
    other_source: str,
    other_price: float,
    is_over: bool,
    is_lapsed: bool,
) -> Text:
    """Tell that two sources differ on one price, or that this is over."""
    figures = f"When it began {source} told {price:.10g} and {other_source} {other_price:.10g}."
    if is_lapsed:
        return _text(
            f"Only one source tells {symbol} now",
            figures,
            "There was nothing to compare for 15 minutes; new entries are possible again.",
        )
    if is_over:
        return _text(f"Sources agree on {symbol} again", figures, "New entries are possible again.")
    return _text(
        f"Sources disagree on {symbol}",
        f"{source} tells {price:.10g} and {other_source} tells {other_price:.10g}.",
        "New entries wait until they agree for 30 s; exits and stops go on.",
    )


def option_text(*, symbol: str, contract: str, score: float, reasons: Iterable[str]) -> Text:
    return _text(
        f"Unusual options on {symbol}: {contract}",
        *reasons,
        f"Score {score:.1f}; each contract is told once a day.",
    )


def source_key(source: str, now_s: float) -> str:
    """Name an outage, so that a source that flaps tells once in a quarter of an hour."""
    return f"source:{plain(source, 60)}:{int(now_s) // SOURCE_QUIET_S}"


def channel_text(*, channel: str, reason: str) -> Text:
    return _text(
        f"{channel} is switched off",
        f"Alerts could not be delivered there: {reason}",
        "Switch it on again under Settings when this is put right.",
    )


def verification_text(*, address: str) -> Text:
    return _text(
        "Confirm your e-mail address",
        f"A link that is valid for 24 hours was sent to {address}.",
    )


def linked_text(*, chat: str) -> Text:
    return _text("Telegram is linked", f"Alerts also go to the chat of {chat} from now on.")


def test_text() -> Text:
    return _text("This is a test alert", "You asked for it; it tells that this channel works.")
