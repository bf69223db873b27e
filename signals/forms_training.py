"""The form of a training."""

from typing import Any

from django import forms

from markets.models import Instrument
from markets.types import TIMEFRAME_NAMES

CLASSES = (
    (Instrument.AssetClass.CRYPTO.value, "crypto"),
    (Instrument.AssetClass.STOCK.value, "stocks"),
)
FRAMES = tuple((name, name) for name in TIMEFRAME_NAMES.values())


class TrainingForm(forms.Form):
    """What is to be trained; whether it can be is judged by the service."""

    name = forms.SlugField(max_length=60, help_text='What x.model names, such as "btc-1h".')
    asset_class = forms.ChoiceField(choices=CLASSES, label="Class")
    symbols = forms.CharField(
        required=False,
        max_length=2000,
        help_text="Separated by commas; empty is everything watched of the class.",
    )
    timeframe = forms.ChoiceField(choices=FRAMES, label="Bars", initial="1h")
    horizon = forms.IntegerField(min_value=1, max_value=500, initial=12, label="Horizon, bars")
    retrain_days = forms.IntegerField(
        min_value=0,
        max_value=365,
        initial=0,
        label="Train anew every, days",
        help_text="0: never by itself.",
    )
    features = forms.CharField(
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 6, "class": "mono", "spellcheck": "false"}),
        help_text="A line each, name = expression; empty is the usual set of the class.",
    )

    def clean_symbols(self) -> list[str]:
        text: str = self.cleaned_data["symbols"]
        return list(dict.fromkeys(one.strip().upper() for one in text.split(",") if one.strip()))

    def clean_features(self) -> dict[str, Any]:
        found: dict[str, str] = {}
        for number, line in enumerate(self.cleaned_data["features"].splitlines(), start=1):
            if not line.strip():
                continue
            name, sign, text = line.partition("=")
            name = name.strip()
            if not sign or not name.isidentifier() or not text.strip():
                message = f"line {number} is not of the form name = expression"
                raise forms.ValidationError(message)
            if name in found:
                raise forms.ValidationError(f"line {number}: {name} is there already")
            found[name] = text.strip()
        return found
