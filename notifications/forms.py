"""Forms of the alert pages; what they let through is checked again by the services."""

from collections.abc import Mapping
from typing import Any

from django import forms

from markets.selectors import instruments_watched
from notifications.models import AlertRule

SIDES = (("above", "rises to"), ("below", "falls to"))


class RuleForm(forms.Form):
    """One rule; which fields matter depends on the kind."""

    kind = forms.ChoiceField(label="Tell me when", choices=AlertRule.Kind.choices)
    symbol = forms.ChoiceField(label="Symbol", required=False)
    direction = forms.ChoiceField(label="Price", choices=SIDES, required=False)
    level = forms.CharField(
        label="Level", required=False, max_length=40, help_text="in plain digits, such as 61000.5"
    )
    min_confidence = forms.IntegerField(
        label="Least confidence, %", required=False, min_value=0, max_value=100, initial=70
    )
    is_repeating = forms.BooleanField(label="Tell me each time, not only once", required=False)

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        choices = [("", "Any symbol")]
        choices += [(one.slug, one.symbol) for one in instruments_watched()]
        self.fields["symbol"].choices = choices  # type: ignore[attr-defined]


class EmailForm(forms.Form):
    address = forms.EmailField(label="Another e-mail address", max_length=254)
