"""The table of a simulation: integers by index, so that the kernel runs plain and compiled alike.

All that changes is one row of integers `w`, handed to every function of the kernel: the account
first, then instruments, slots, decisions, funding, and room for what happens. An instrument begins
at `m` (for market), a slot at `s`; a field is added to it: `w[CASH]`, `w[s + QUANTITY]`.
"""

from typing import NamedTuple

# How it is with the account, what limits it and what is assumed: at the beginning.
(
    CASH,
    OPENING,
    DAY_END,
    IS_HALTED,
    LAST_EQUITY,
    LAST_EXPOSURE,
    CEILING,
    IS_TOO_LARGE,
    IS_ALONE,  # one slot on one instrument
    ORDERS,
    FILLS,
    STEPS,
    FILL_AT,
    FILL_MOST,
    EVENT_AT,
    EVENT_MOST,
    TRADE_AT,
    TRADE_MOST,
    LISTINGS_AT,
    LISTINGS_END,
    SLOTS_AT,
    SLOTS_END,
    POSITION_PPM,
    POSITION_LARGEST,
    POSITIONS_MOST,
    LOSS_MOST,
    EXPOSURE_PPM,
    STOP_PPM,
    TAKE_MILLI,
    HALF_SPREAD,
    IMPACT,
    VOLUME_SHARE,
    BAND,
    TRAILING,
    BORROW,
    ENTRY,
    OFFSET,
    LIMIT_OFFSET,
    IS_POST_ONLY,
    HAS_SHORTS,
    # What the account's standing was when it was last asked for.
    EQUITY,
    EXPOSURE,
    OPEN_RISK,
    POSITIONS,
    FREE,
    BINDING,
    DENIED,  # a count for each reason begins here
) = range(47)

# One instrument, from `m` on.
(
    ROW,
    ROW_END,
    IS_INSIDE,
    NEXT,
    BEGAN,
    OPEN,
    HIGH,
    LOW,
    LAST,
    VOLUME,
    VOLUME_LEFT,
    SPLIT,
    GROW,
    TICK,
    STEP,
    SMALLEST,
    MIN_NOTIONAL,
    MAKER,
    TAKER,
    TIMEFRAME,
    FACTOR,
    SLOT_FIRST,
    SLOT_END,
    FUNDING,
    FUNDING_END,
    LISTING_SIZE,
) = range(26)

# One strategy on one instrument, from `s` on.
(
    NUMBER,
    LISTING,
    ACT,
    ACT_END,
    LIFE,  # of an entry, in bars of the listing
    WANTED,
    WANTED_ACT,
    LEAVING,
    # The position.
    SIDE,
    QUANTITY,
    STOP,
    TAKE,
    BEST_PRICE,
    IS_TRAILED,
    STOP_ORDER,
    TAKE_ORDER,
    TAKE_FILLED,
    INSIDE_ENTRY,  # how it was entered inside this bar: 0 not, 1 by a limit, 2 by a stop
    CHARGED_TO,
    # The trade.
    ENTERED,
    FLOW,
    FEES,
    CARRY,
    OPENED_ACT,
    OPENED_AT,
    OPENED_ROW,
    ENTRY_PRICE,
    ENTRY_FILLS,
    EXIT_PRICE,
    EXIT_FILLS,
    FIRST_FILL,
    LOW_SEEN,
    HIGH_SEEN,
    WORST,
    BEST,
    OTHER,
    LEAVE,
    # The order that enters.
    E_ORDER,
    E_SIDE,
    E_TYPE,
    E_REST,
    E_LIMIT,
    E_TRIGGER,
    E_BOUND,
    E_ROOM,
    E_STOP,
    E_TAKE,
    E_ACT,
    E_ROW,
    E_UNTIL,
    # The order that leaves.
    X_ORDER,
    SLOT_SIZE,
) = range(52)

# One decision that acts.
ACT_ROW, ACT_SIDE, ACT_INDEX, ACT_IS_STALE, ACT_PRICE, ACT_STOP, ACT_TAKE, ACT_SIZE = range(8)

# A row of each outcome.
FILL_SIZE = 9  # order, slot, time, side, quantity, price, notional, fee, is_maker
EVENT_SIZE = 4  # order, time, event, reason
(
    T_SLOT,
    T_SIDE,
    T_ACT,
    T_OPENED,
    T_CLOSED,
    T_BARS,
    T_QUANTITY,
    T_ENTRY,
    T_EXIT,
    T_FEES,
    T_CARRY,
    T_PROFIT,
    T_OTHER,
    T_WORST,
    T_BEST,
    T_LEAVE,
    T_FIRST_FILL,
    T_LAST_FILL,
    T_ENTRY_FILLS,
    T_EXIT_FILLS,
    TRADE_SIZE,
) = range(21)

MARKET, LIMIT, STOP_MARKET, STOP_LIMIT = range(4)
APPROVE, DENY, ACCEPT, REJECT, FILL_PART, FILL, CANCEL, EXPIRE = range(8)
BY_SIGNAL, BY_STOP, BY_TRAILING, BY_TAKE, BY_REVERSAL, BY_FLATTENING, STILL_OPEN = range(7)
(
    NO_REASON,
    STALE_SIGNAL,
    DAILY_LOSS_HALT,
    OPEN_POSITIONS,
    STOP_WRONG_SIDE,
    TAKE_WRONG_SIDE,
    POSITION_NOTIONAL,
    EXPOSURE_LIMIT,
    BALANCE,
    DAILY_LOSS_BUDGET,
    SMALLEST_NOTIONAL,
    OFF_TICK,
    NO_LIQUIDITY,
    WOULD_TRADE,
    REPLACED,
    OTHER_FILLED,
    REPLACED_BY_EXIT,
    TIME_OVER,
    REASON_COUNT,
) = range(19)

DONE, FULL, TOO_LARGE = range(3)
FOR_EVER = 2**62
SECONDS_A_DAY = 86_400
SECONDS_A_YEAR = 365 * SECONDS_A_DAY
# What one step of one slot may write at most.
EVENTS_A_STEP, FILLS_A_STEP, TRADES_A_STEP = 40, 8, 4


type Ints = list[int]


class Bars(NamedTuple):
    """The bars of all instruments, one after the other, and the steps that come of them.

    Attributes
    ----------
    factors : floats
        Two an instrument: a price times the first plus the second, cut off, is in price units.
    volumes : ints
        Base units; empty where nothing asks for them.
    step_times, equity, cash, exposure : ints
        A row for each moment at which a bar ended.
    """

    factors: list[float]
    times: list[int]
    opens: list[float]
    highs: list[float]
    lows: list[float]
    closes: list[float]
    volumes: list[int]
    step_times: list[int]
    equity: list[int]
    cash: list[int]
    exposure: list[int]
