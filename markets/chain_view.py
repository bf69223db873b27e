"""An option chain as a page and the API show it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from markets.models import Instrument, OptionChain, OptionQuote
from markets.options.chain import Rung, around, ladder, max_pain, ratio, smile
from markets.options.contracts import trading_day
from markets.selectors_options import (
    chain_provenance,
    expiries_of,
    has_options,
    quotes_of,
    underlying_state,
)
from mystic.lib.provenance import Provenance

RUNGS_EACH_WAY = 15
# The picture of the smile, in its own units.
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640.0, 220.0, 46.0, 26.0, 12.0


@dataclass(frozen=True, slots=True)
class Dot:
    """A point of the smile in the picture's units, with what it stands for."""

    x: float
    y: float
    strike: float
    volatility: float
    kind: str

    @property
    def percent(self) -> str:
        return f"{self.volatility:.1%}"


@dataclass(frozen=True, slots=True)
class Tick:
    place: float
    text: str


@dataclass(frozen=True, slots=True)
class Smile:
    """The implied volatilities by strike as a picture: dots, a line through them, its scales."""

    dots: list[Dot]
    line: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    spot_x: float | None
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    floor: float = HEIGHT - BOTTOM


@dataclass(frozen=True, slots=True)
class ChainView:
    """One underlying's chain at one expiry.

    `state` is `none` (no options of this kind of instrument), `waiting` (the sources are being
    asked), `failed` (none answered, `reason` says why), `empty` (nothing is listed) or `ready`.
    """

    instrument: Instrument
    state: str
    reason: str = ""
    expiries: Sequence[OptionChain] = ()
    chain: OptionChain | None = None
    rungs: Sequence[Rung[OptionQuote]] = ()
    hidden: int = 0
    origin: Provenance | None = None
    spot_origin: Provenance | None = None
    volume_ratio: float | None = None
    interest_ratio: float | None = None
    max_pain: float | None = None
    money_strike: float | None = None
    smile: Smile | None = None
    computed: int = 0
    days: int = 0
    quotes: Sequence[OptionQuote] = field(default=(), repr=False)

    @property
    def strikes(self) -> int:
        """How many strikes the expiry has, shown or not."""
        return self.hidden + len(self.rungs)


def chain_view(
    instrument: Instrument, expiry: date | None, *, at_ms: int, is_whole: bool = False
) -> ChainView:
    """Return the chain of one expiry, the nearest unless one is named.

    Raises
    ------
    OptionChain.DoesNotExist
        If the named expiry is not listed.
    """
    if not has_options(instrument):
        return ChainView(instrument, "none")
    expiries = expiries_of(instrument, at_ms)
    state = underlying_state(instrument)
    detail = state.detail if state else ""
    if expiry is not None:
        chain = next((one for one in expiries if one.expiry == expiry), None)
        if chain is None:
            raise OptionChain.DoesNotExist
    elif expiries:
        chain = expiries[0]
    else:
        is_listed = state is not None and state.listed_at is not None
        kind = "waiting" if not detail else "empty" if is_listed else "failed"
        return ChainView(instrument, kind, detail)
    quotes = quotes_of(chain)
    if not quotes:
        kind = "failed" if chain.detail else "empty" if chain.read_at else "waiting"
        return ChainView(instrument, kind, chain.detail, expiries, chain)
    return _ready(instrument, expiries, chain, quotes, at_ms=at_ms, is_whole=is_whole)


def _ready(
    instrument: Instrument,
    expiries: Sequence[OptionChain],
    chain: OptionChain,
    quotes: Sequence[OptionQuote],
    *,
    at_ms: int,
    is_whole: bool,
) -> ChainView:
    rungs = ladder(quotes, chain.spot)
    near = rungs if is_whole else around(rungs, chain.spot, RUNGS_EACH_WAY)
    origin = chain_provenance(chain, quotes, at_ms)
    return ChainView(
        instrument=instrument,
        state="ready",
        reason=chain.detail,
        expiries=expiries,
        chain=chain,
        rungs=near,
        hidden=len(rungs) - len(near),
        origin=origin,
        spot_origin=_spot_origin(chain, origin),
        volume_ratio=ratio(quotes, "volume"),
        interest_ratio=ratio(quotes, "open_interest"),
        max_pain=max_pain(quotes),
        money_strike=next(
            (rung.strike for rung in near if chain.spot and rung.strike >= chain.spot), None
        ),
        smile=smile_picture(quotes, chain.spot),
        computed=sum(one.is_volatility_computed or one.are_greeks_computed for one in quotes),
        days=max(0, (chain.expiry - trading_day(at_ms)).days),
        quotes=quotes,
    )


def _spot_origin(chain: OptionChain, origin: Provenance | None) -> Provenance | None:
    if chain.spot is None or origin is None:
        return None
    return Provenance(
        source=chain.spot_source,
        is_live=False,
        as_of_ms=chain.spot_as_of_ms,
        received_at_ms=chain.snapshot_ms,
        is_delayed=origin.is_delayed,
        is_stale=origin.is_stale,
    )


def smile_picture(quotes: Sequence[OptionQuote], spot: float | None) -> Smile | None:
    """Return the picture of a smile, within 35 % of the money; None with fewer than 3 points."""
    if spot is None:
        return None
    points = [one for one in smile(quotes, spot) if abs(one.strike / spot - 1) <= 0.35]
    if len(points) < 3:
        return None
    low, high = points[0].strike, points[-1].strike
    most = max(one.volatility for one in points)
    step = next(s for s in (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0) if most / s <= 5)
    top = step * math.ceil(most / step - 1e-9)

    def x(strike: float) -> float:
        return round(LEFT + (strike - low) / (high - low) * (WIDTH - LEFT - 10), 1)

    def y(volatility: float) -> float:
        return round(HEIGHT - BOTTOM - volatility / top * (HEIGHT - BOTTOM - TOP), 1)

    dots = [Dot(x(p.strike), y(p.volatility), p.strike, p.volatility, p.kind) for p in points]
    shown = points[:: max(1, math.ceil(len(points) / 7))]
    count = round(top / step)
    return Smile(
        dots=dots,
        line=" ".join(f"{dot.x},{dot.y}" for dot in dots),
        x_ticks=[Tick(x(one.strike), f"{one.strike:g}") for one in shown],
        y_ticks=[Tick(y(step * n), f"{step * n:.0%}") for n in range(count + 1)],
        spot_x=x(spot) if low <= spot <= high else None,
    )
