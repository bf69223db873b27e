"""The form that asks for an analysis of a strategy."""

from collections.abc import Sequence
from typing import Any

from django import forms

from signals.services.analysis_work import LEAST_BARS, MOST_BARS, USUAL_BARS, AnalysisError


class AnalysisForm(forms.Form):
    """On which symbol, over how many of its newest bars."""

    symbol = forms.ChoiceField(help_text="whose stored bars")
    bars = forms.IntegerField(
        min_value=LEAST_BARS,
        max_value=MOST_BARS,
        initial=USUAL_BARS,
        help_text=f"newest closed bars, {LEAST_BARS} to {MOST_BARS}",
    )

    def __init__(self, *args: Any, symbols: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["symbol"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  it is declared above
        field.choices = [(one, one) for one in symbols]

    def refuse(self, fault: AnalysisError) -> None:
        """Show the sentence of a refusal at the field that it is about."""
        name = fault.place.removeprefix("/")
        self.add_error(name if name in self.fields else None, str(fault))
