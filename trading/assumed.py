"""The assumptions of a backtest as people fill them in: names, words, units, presets."""

from dataclasses import dataclass
from typing import Any

from trading.backtest.assumptions import DIRECTIONS, ENTRIES, STOPS

GROUPS = ("Costs", "Orders", "Account", "Stress")
LIMITS = "limits."
WORDS = {
    "market": "At the market",
    "limit": "With a limit",
    "stop": "With a stop",
    "stop_limit": "With a stop-limit",
    "strategy": "Those of the decision",
    "account": "Those of the limits",
    "long": "Buy only",
    "long_short": "Buy and sell short",
}


@dataclass(frozen=True, slots=True)
class Assumed:
    """One assumption: `name` is that of `Assumptions`, or `limits.` and one of the limits.

    `kind` says how it is written: `percent` of millionths, `times` of thousandths, `money`,
    `whole`, `word`, `choice`, `flag`.
    """

    name: str
    group: str
    label: str
    kind: str
    help: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    is_optional: bool = False
    is_rare: bool = False


ASSUMED = (
    Assumed(
        "taker_ppm",
        "Costs",
        "Taker fee",
        "percent",
        "Empty: that of the venue.",
        "%",
        is_optional=True,
    ),
    Assumed(
        "maker_ppm",
        "Costs",
        "Maker fee",
        "percent",
        "Of an order that rests. Empty: that of the venue.",
        "%",
        is_optional=True,
    ),
    Assumed(
        "half_spread_ppm",
        "Costs",
        "Half the spread",
        "percent",
        "A market order pays it on top of the bar's price.",
        "%",
    ),
    Assumed(
        "impact_ppm",
        "Costs",
        "Price impact",
        "percent",
        "Of an order as large as the bar's volume; it grows with the square of the share.",
        "%",
    ),
    Assumed(
        "borrow_ppm", "Costs", "Interest of a short", "percent", "On what is borrowed.", "% a year"
    ),
    Assumed(
        "has_funding",
        "Costs",
        "Pay and receive funding where rates are stored",
        "flag",
        "Of perpetual futures.",
    ),
    Assumed(
        "entry",
        "Orders",
        "Enter",
        "choice",
        "How the order of a decision to buy is made.",
        choices=ENTRIES,
    ),
    Assumed(
        "direction",
        "Orders",
        "Direction",
        "choice",
        "Short: a signal to leave opens one, with the account's stops.",
        choices=DIRECTIONS,
    ),
    Assumed(
        "stops",
        "Orders",
        "Stop and target",
        "choice",
        "Of the limits: measured from the price at which the order is made.",
        choices=STOPS,
    ),
    Assumed(
        "trailing_ppm",
        "Orders",
        "Trailing stop",
        "percent",
        "Distance from the best price since the entry; 0 for none.",
        "%",
    ),
    Assumed(
        "volume_share_ppm",
        "Orders",
        "Most of a bar's volume",
        "percent",
        "The rest is filled on later bars; 0 fills any quantity at once.",
        "%",
    ),
    Assumed(
        "delay_bars", "Orders", "Act later by", "whole", "After the first possible bar.", "bars"
    ),
    Assumed(
        "patience_s",
        "Orders",
        "Give an entry up after",
        "whole",
        "Where no bar begins within this time; 0 waits for ever.",
        "s",
        is_rare=True,
    ),
    Assumed(
        "entry_offset_ppm",
        "Orders",
        "Entry away from the decision's price",
        "percent",
        "Of a limit below it, of a stop above it.",
        "%",
        is_rare=True,
    ),
    Assumed(
        "limit_offset_ppm",
        "Orders",
        "A stop-limit may trade beyond its trigger by",
        "percent",
        "",
        "%",
        is_rare=True,
    ),
    Assumed(
        "entry_bars",
        "Orders",
        "An entry works for",
        "whole",
        "Of a limit or a stop; bars of the strategy.",
        "bars",
        is_rare=True,
    ),
    Assumed(
        "market_band_ppm",
        "Orders",
        "Room kept when a market order is sized",
        "percent",
        "Paper keeps 0.5 %.",
        "%",
        is_rare=True,
    ),
    Assumed(
        "is_post_only",
        "Orders",
        "Refuse a limit that would trade at once",
        "flag",
        "",
        is_rare=True,
    ),
    Assumed("cash", "Account", "Begins with", "money", "As your paper account did."),
    Assumed("currency", "Account", "Currency", "word", "Every symbol must be priced in it."),
    Assumed("limits.position_ppm", "Account", "Largest position", "percent", "", "% of equity"),
    Assumed(
        "limits.max_position_notional",
        "Account",
        "Largest position, amount",
        "money",
        "The smaller of both holds.",
    ),
    Assumed(
        "limits.max_open_positions", "Account", "Open positions", "whole", "At most, at a time."
    ),
    Assumed(
        "limits.exposure_ppm", "Account", "All positions together", "percent", "", "% of equity"
    ),
    Assumed(
        "limits.max_daily_loss",
        "Account",
        "Largest loss of a day",
        "money",
        "Then nothing is bought until the next UTC day.",
    ),
    Assumed(
        "limits.stop_ppm", "Account", "Stop where none is given", "percent", "", "% below the price"
    ),
    Assumed(
        "limits.take_milli",
        "Account",
        "Target where none is given",
        "times",
        "",
        "times the stop's distance",
    ),
    Assumed("fee_milli", "Stress", "Fees", "times", "2 doubles every fee.", "times"),
    Assumed("slippage_milli", "Stress", "Spread and impact", "times", "2 doubles both.", "times"),
    Assumed(
        "seed", "Stress", "Seed", "whole", "Of everything random that is done with the result."
    ),
)
BY_NAME = {one.name: one for one in ASSUMED}

# What a preset puts in place of the account's own and the defaults.
PRESETS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "paper": ("As paper", "Fees, spread and limits of your paper account.", {}),
    "pessimistic": (
        "Pessimistic",
        "Twice the fees, twice the slippage, one bar later.",
        {"fee_milli": 2_000, "slippage_milli": 2_000, "delay_bars": 1},
    ),
    "free": (
        "No costs",
        "For comparison only: nobody trades like this.",
        {
            "maker_ppm": 0,
            "taker_ppm": 0,
            "half_spread_ppm": 0,
            "impact_ppm": 0,
            "borrow_ppm": 0,
            "has_funding": False,
        },
    ),
}
