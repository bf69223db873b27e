"""Every assumption as a sentence, and what a backtest cannot know."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markets.types import TIMEFRAME_NAMES
from mystic.lib.units import shown
from trading.backtest.assumptions import Assumptions
from trading.backtest.portfolio import Listing
from trading.execution.fees import FeeSchedule

DAY_S = 86_400
FEW_TRADES = 30
SHORT_DAYS = 90
ORIGINS = {"live": "as they came from", "backfill": "fetched later from", "import": "of the file"}


def percent(ppm: int) -> str:
    """Return millionths as per cent: `0.1 %`."""
    return f"{shown(ppm, 4)} %"


def assumed(assumptions: Assumptions, listings: Sequence[Listing], step: int) -> list[str]:
    """Return what was taken for granted, a sentence each."""
    return [
        *_money(assumptions),
        *_orders(assumptions),
        *_fills(assumptions, listings),
        *_costs(assumptions, listings),
        *_limits(assumptions),
        *_known(listings, step),
    ]


def sourced(sources: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return where the bars came from, a sentence for each symbol."""
    found = []
    for symbol in dict.fromkeys(str(one["symbol"]) for one in sources):
        own = [one for one in sources if one["symbol"] == symbol]
        counts = ", ".join(
            f"{one['bars']:,} {ORIGINS.get(one['origin'], one['origin'])} {one['source']}"
            for one in own
        )
        names = [str(one["source"]) for one in own]
        note = ""
        if any(one["origin"] == "import" for one in own):
            note = " A file was never live, and no venue vouches for it."
        elif any(one.startswith("replay:") for one in names):
            note = " A replay is no live market."
        found.append(f"Bars of {symbol}: {counts}.{note}")
    return found


def warned(*, trades: int, seconds: int, warming: int, faults: int, refused: int) -> list[str]:
    """Return what makes a result weak, a sentence each."""
    days = seconds / DAY_S
    found = []
    if trades < FEW_TRADES:
        found.append(
            f"Only {trades} trades were closed; with fewer than {FEW_TRADES} every figure is "
            "mostly luck."
        )
    if days < SHORT_DAYS:
        found.append(
            f"The span is {days:.0f} days; under {SHORT_DAYS} days it is one kind of market."
        )
    if warming:
        found.append(
            f"On {warming:,} bars the strategy could not decide: history before them is missing, "
            "or another series that it looks at."
        )
    if faults:
        found.append(f"On {faults:,} bars the strategy failed; nothing was done on them.")
    if refused:
        found.append(f"The risk rules denied {refused:,} orders.")
    return found


def _money(one: Assumptions) -> Iterator[str]:
    yield f"The account begins with {shown(one.cash, one.scale)} {one.currency}."
    if one.direction == "long_short":
        yield (
            "An exit signal also opens a short with the account's stop and target; what is "
            f"borrowed costs {percent(one.borrow_ppm)} a year."
        )
    else:
        yield "Only long positions are opened; an exit signal closes them."


def _orders(one: Assumptions) -> Iterator[str]:
    yield (
        "A decision is made at the close of a bar and acted on at the next bar at the earliest"
        + (f", here {one.delay_bars} bars later." if one.delay_bars else ".")
    )
    away = percent(one.entry_offset_ppm)
    lasts = f"It rests for {one.entry_bars} bars of the strategy, then it is cancelled."
    if one.entry == "market":
        yield "Entries are market orders."
    elif one.entry == "limit":
        yield f"Entries are limit orders {away} better than the decision's price. {lasts}"
    elif one.entry == "stop":
        yield f"Entries are stop orders {away} beyond the decision's price. {lasts}"
    else:
        beyond = percent(one.limit_offset_ppm)
        yield (
            f"Entries are stop-limit orders {away} beyond the decision's price, up to {beyond} "
            f"worse. {lasts}"
        )
    if one.is_post_only:
        yield "A limit order that would trade at once is refused."
    if one.stops == "account":
        yield (
            f"Stops stand {percent(one.limits.stop_ppm)} from the price of the order, targets "
            f"{one.limits.take_milli / 1000:g} times as far."
        )
    else:
        yield "Stops and targets are those of the strategy's decision."
    if one.trailing_ppm:
        yield f"A stop follows the best price since the entry at {percent(one.trailing_ppm)}."
    if one.patience_s:
        yield f"A decision with no bar within {one.patience_s} s of open market is given up."


def _fills(one: Assumptions, listings: Sequence[Listing]) -> Iterator[str]:
    names = sorted({one.timeframe for one in listings})
    bars = ", ".join(TIMEFRAME_NAMES.get(step, f"{step} s") for step in names)
    yield f"Orders are filled on bars of {bars}, the finest that are stored."
    yield (
        "A bar that opens beyond a stop fills it at the open, not at the stop; a limit order is "
        "filled only where the price went through it."
    )
    yield (
        "Where stop and target lie in one of these bars, the stop counts; the report says what the "
        "other order of prices would have given."
    )
    if one.volume_share_ppm:
        yield (
            f"At most {percent(one.volume_share_ppm)} of a bar's volume is filled; the rest goes "
            "on with the next bar."
        )
    else:
        yield "Any quantity is filled at once, whatever the volume was."


def _costs(one: Assumptions, listings: Sequence[Listing]) -> Iterator[str]:
    half, impact = _stressed(one.half_spread_ppm, one), _stressed(one.impact_ppm, one)
    yield (
        f"A market order pays {percent(half)} for half the spread, and an impact of "
        f"{percent(impact)} for a quantity as large as the bar's volume, falling with the square "
        "of the share."
    )
    rates = sorted({(x.fees.maker_ppm, x.fees.taker_ppm) for x in listings})
    for maker, taker in rates:
        symbols = [x.symbol for x in listings if x.fees == FeeSchedule(maker, taker)]
        yield (
            f"Fees of {', '.join(symbols)}: {percent(maker)} for a resting order "
            f"({_origin(one.maker_ppm)}), {percent(taker)} for another one "
            f"({_origin(one.taker_ppm)})."
        )
    if one.fee_milli != 1_000:
        yield f"Under stress: fees are {one.fee_milli / 1000:g} times as high."
    if one.has_funding and any(x.funding is not None for x in listings):
        yield "Funding of perpetual futures is paid and received at the stored rates."


def _origin(asked: int | None) -> str:
    return "as published by the venue" if asked is None else "as asked for"


def _stressed(ppm: int, one: Assumptions) -> int:
    return ppm * one.slippage_milli // 1_000


def _limits(one: Assumptions) -> Iterator[str]:
    limits = one.limits
    most = shown(limits.max_position_notional, one.scale)
    yield (
        f"A position is at most {percent(limits.position_ppm)} of the equity and {most} "
        f"{one.currency}; at most {limits.max_open_positions} are open, together at most "
        f"{percent(limits.exposure_ppm)} of the equity."
    )
    yield (
        f"After a loss of {shown(limits.max_daily_loss, one.scale)} {one.currency} on a UTC day "
        "nothing is opened until the next."
    )


def _known(listings: Sequence[Listing], step: int) -> Iterator[str]:
    yield (
        "Instruments were chosen today: those that vanished before are not among them, which makes "
        "results look better than they were (survivorship)."
    )
    yield (
        "Bars are those known today, corrections included. Paper fills on live quotes and books, "
        "with their gaps and delays; its fills differ from these."
    )
    absent = sum(_absent(one) for one in listings if one.is_always_open)
    if absent:
        yield (
            f"The venue has no bar for {absent:,} slots of these instruments; nothing was filled "
            "there."
        )
    if any(one.timeframe >= step for one in listings):
        yield "Nothing finer than the strategy's bars is stored: within a bar the worse is taken."


def _absent(one: Listing) -> int:
    times = one.bars.open_time
    slots = (int(times[-1]) - int(times[0])) // one.timeframe + 1
    return slots - len(times)
