"""How far a report can be believed: other draws of its trades and days, luck, dearer costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trading.drawing import Curve, Plot, band_plot
from trading.performance.verdicts import Word

DRAWS = (
    (
        "redrawn",
        "The same trades, drawn again",
        "As many trades are drawn from those that were made: some happen twice, some never.",
    ),
    (
        "blocks",
        "The same days, drawn again",
        "As many days are drawn in blocks, so that what hangs together stays together.",
    ),
    (
        "shuffled",
        "The same trades in another order",
        "The end is the same; how deep it fell on the way is not.",
    ),
)
PERCENTILES = (
    ("5", "A bad one in twenty"),
    ("25", "A poor quarter"),
    ("50", "The middle one"),
    ("75", "A good quarter"),
    ("95", "A good one in twenty"),
)


SIGNAL_TITLE = "Does the signal know anything?"
SIGNAL_ABOUT = (
    "The drift of the market is taken out, so that holding at random earns nothing; then the bars "
    "held are drawn again. The p-value is how often a signal that knows nothing does at least as "
    "well (White 2000, Aronson 2006): below 0.05 is rare for one that was tried once. Costs, stops "
    "and sizes are left out."
)


@dataclass(frozen=True, slots=True)
class Draw:
    """One way of drawing again: the fan of its equity, and percentile by percentile its end."""

    title: str
    about: str
    outcome: Mapping[str, Any]
    fan: Plot | None
    rows: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True, slots=True)
class Robust:
    """What the page tells; `luck` is the verdict of `luck_shown`, if there is one."""

    draws: tuple[Draw, ...]
    signals: tuple[tuple[str, str, str, str], ...]
    stress: Mapping[str, Any] | None
    luck: Mapping[str, Any] | None
    samples: int
    minimum_days: float | None

    @property
    def signal_title(self) -> str:
        return SIGNAL_TITLE

    @property
    def signal_about(self) -> str:
        return SIGNAL_ABOUT

    @property
    def is_holding(self) -> bool:
        return self.luck is not None and self.luck["word"] == Word.HOLDS


def robustness(document: Mapping[str, Any], luck: Mapping[str, Any] | None) -> Robust | None:
    """Read what a report says of its robustness; None where it was left out."""
    told: Mapping[str, Any] = document.get("robustness") or {}
    if not told:
        return None
    draws = [
        _draw(title, about, told[name])
        for name, title, about in DRAWS
        if told.get(name) is not None
    ]
    signals = tuple((one["symbol"], *signal_words(one)) for one in told.get("signal") or ())
    return Robust(
        tuple(draws), signals, told.get("stress"), luck, told["samples"], told.get("minimum_days")
    )


def signal_words(test: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return how much of the time the signal was in the market, its p-value, and the sentence."""
    sentence = str(test["sentence"])
    p_value = f"{test['p_value']:.3f}" if test["held"] else "—"
    return f"{test['held']:.1%}", p_value, f"{sentence[:1].upper()}{sentence[1:]}."


def _draw(title: str, about: str, outcome: Mapping[str, Any]) -> Draw:
    rows = tuple(
        (label, outcome["final_equity"][at], outcome["max_drawdown"][at])
        for at, label in PERCENTILES
    )
    return Draw(title, about, outcome, _fan(title, outcome["fan"]), rows)


def _fan(label: str, fan: Mapping[str, Any]) -> Plot | None:
    low, quarter, middle, three, high = fan["bands"]
    return band_plot(
        label,
        fan["at"],
        [("90 of 100 draws", low, high), ("50 of 100 draws", quarter, three)],
        [Curve("The middle one", "first", fan["at"], middle)],
        shown=lambda value: f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:,.2f}",
        day=lambda share: f"{share:.0%}" if share else "start",
    )
