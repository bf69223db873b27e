"""What markets tells: published on the bus after the rows are committed."""

from dataclasses import dataclass

from markets.types import Bar, BookView, DelayedPrice, FormingBar, Quote, TradeTick


@dataclass(frozen=True, slots=True)
class QuoteChanged:
    """A new best bid or ask; published on the streamer's loop, so a listener must be quick."""

    quote: Quote


@dataclass(frozen=True, slots=True)
class DelayedPriceTold:
    """A delayed price is shown while no source of quotes works; told on the streamer's loop."""

    price: DelayedPrice


@dataclass(frozen=True, slots=True)
class DelayedPricesGone:
    """A source of quotes works again: the delayed prices of these instruments are shown no more."""

    instrument_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BookChanged:
    """A synchronised book moved; published on the streamer's loop at most ten times a second."""

    book: BookView


@dataclass(frozen=True, slots=True)
class BookLost:
    """A book was thrown away: updates, and perhaps trades, are missing until it is shown again."""

    instrument_id: int


@dataclass(frozen=True, slots=True)
class TradeSeen:
    trade: TradeTick


@dataclass(frozen=True, slots=True)
class BarForming:
    bar: FormingBar


@dataclass(frozen=True, slots=True)
class BarsClosed:
    """Bars that are sealed and stored, oldest first; all of one timeframe, of any instruments.

    Each bar that a gate seals is told once, in the order of its series. History is not told, nor
    a bar that comes after later ones of its series were told.
    """

    timeframe: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class SourceChanged:
    """A source came up, went down, fell stale or was blocked; `state` is `SourceState.State`."""

    source: str
    state: str
    detail: str


@dataclass(frozen=True, slots=True)
class UnusualOption:
    """A contract trades far beyond its open interest or its own history; once a day.

    `premium` is volume x mid x 100 in the quote asset, None where there is no two-sided quote.
    """

    activity_id: int
    instrument_id: int
    symbol: str
    contract: str
    score: float
    reasons: tuple[str, ...]
    volume: int
    premium: float | None
    source: str
    is_delayed: bool
    detected_at_ms: int


@dataclass(frozen=True, slots=True)
class SourcesDisagree:
    """Two sources tell prices of one instrument too far apart, or (`is_over`) no longer do.

    `is_lapsed` when it is over because one of them fell silent, not because they agree.
    """

    disagreement_id: int
    instrument_id: int
    symbol: str
    source: str
    price: float
    other_source: str
    other_price: float
    is_over: bool = False
    is_lapsed: bool = False
