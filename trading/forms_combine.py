"""The form of several strategies in one portfolio; what is typed stays text until it is judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.http import QueryDict

from signals.models import Strategy
from trading.services.combinations import MOST, PartAsked

DAY_S = 86_400


@dataclass(slots=True)
class PartRow:
    """One line of the form: a strategy by its number, symbols with commas between."""

    number: int
    strategy: str = ""
    symbols: str = ""
    error: str = ""

    @property
    def is_empty(self) -> bool:
        return not self.strategy and not self.symbols


@dataclass(slots=True)
class CombineForm:
    """Everything that is typed on the page."""

    rows: list[PartRow]
    name: str = ""
    from_day: str = ""
    through_day: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    other_errors: list[str] = field(default_factory=list)

    @property
    def has_errors(self) -> bool:
        return bool(self.errors or self.other_errors or any(one.error for one in self.rows))

    def span(self) -> tuple[int, int]:
        """Return the first second of the first day and the last one of the last."""
        first, last = self._day("from_day"), self._day("through_day")
        return int(first.timestamp()), int(last.timestamp()) + DAY_S - 1

    def _day(self, name: str) -> datetime:
        try:
            return datetime.strptime(getattr(self, name), "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            self.errors[name] = "Give a day as 2025-01-31."
            return datetime(2000, 1, 1, tzinfo=UTC)

    def parts(self, seen: Mapping[str, Strategy]) -> list[PartAsked]:
        """Return the lines that say something, and put a sentence beside what cannot be read."""
        found = []
        for row in self.rows:
            if row.is_empty:
                continue
            strategy = seen.get(row.strategy)
            symbols = [one.strip().upper() for one in row.symbols.split(",") if one.strip()]
            if strategy is None:
                row.error = "Choose a strategy."
            elif not symbols:
                row.error = "Name at least one symbol."
            else:
                found.append(PartAsked(strategy, symbols))
        return found

    def show(self, place: str, sentence: str) -> None:
        """Put a fault beside the field that it is about."""
        steps = place.strip("/").split("/")
        filled = [one for one in self.rows if not one.is_empty]
        if steps[0] == "parts" and len(steps) > 1 and int(steps[1]) < len(filled):
            filled[int(steps[1])].error = sentence
        elif steps[0] in ("from_open", "through_open"):
            self.errors[steps[0].replace("_open", "_day")] = sentence
        elif steps[0] == "name":
            self.errors["name"] = sentence
        else:
            self.other_errors.append(sentence)


def form_blank(chosen: Sequence[str] = ()) -> CombineForm:
    """Return the form with the strategies that the address names."""
    numbers = [*chosen[:MOST], *[""] * (MOST - len(chosen[:MOST]))]
    return CombineForm([PartRow(at, one) for at, one in enumerate(numbers, start=1)])


def form_sent(sent: QueryDict) -> CombineForm:
    """Return the form as it was sent."""
    rows = [
        PartRow(at, sent.get(f"strategy-{at}", "")[:20], sent.get(f"symbols-{at}", "")[:800])
        for at in range(1, MOST + 1)
    ]
    return CombineForm(
        rows,
        name=sent.get("name", "")[:200],
        from_day=sent.get("from_day", "")[:10],
        through_day=sent.get("through_day", "")[:10],
    )
