"""What people type: numbers in plain digits, checked against the instrument's grid."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms

from markets.models import Instrument
from mystic.lib.units import AmountError, parse_amount, shown, to_units
from signals.making import Parameters, ParametersError
from signals.making.parameters import BOUNDS
from trading.models import Account, Lock, Order, RiskLimit

PLAIN_DIGITS = "Write a number in plain digits, such as 0.25."
IDEMPOTENCY_LENGTH = 64


class UnitsInput(forms.CharField):
    """An amount in plain digits that becomes integer units of 10**-scale on a grid."""

    def __init__(self, *, scale: int, grid: int = 1, **kwargs: Any) -> None:
        self.scale = scale
        self.grid = grid
        attrs = {"inputmode": "decimal", "autocomplete": "off"}
        kwargs.setdefault("widget", forms.TextInput(attrs=attrs))
        super().__init__(max_length=40, **kwargs)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        return self._units(text) if text else None

    def _units(self, text: str) -> int:
        try:
            units = to_units(parse_amount(text), self.scale)
        except AmountError as fault:
            is_digits = "plain digits" in str(fault)
            sentence = PLAIN_DIGITS if is_digits else f"{str(fault).capitalize()}."
            raise forms.ValidationError(sentence, code="number_format") from fault
        if units <= 0:
            raise forms.ValidationError("It must be more than zero.", code="must_be_positive")
        if units % self.grid:
            step = shown(self.grid, self.scale)
            raise forms.ValidationError(f"It goes in steps of {step}.", code="step")
        return units


class TicketForm(forms.Form):
    """An order for one instrument; the buttons say which side."""

    side = forms.ChoiceField(choices=Order.Side, widget=forms.HiddenInput)
    type = forms.ChoiceField(
        choices=[(Order.Type.MARKET, "Market"), (Order.Type.LIMIT, "Limit")],
        initial=Order.Type.MARKET,
        widget=forms.RadioSelect,
    )
    idempotency_key = forms.RegexField(
        r"\A[A-Za-z0-9_-]+\Z", max_length=IDEMPOTENCY_LENGTH, widget=forms.HiddenInput
    )

    def __init__(self, *args: Any, instrument: Instrument, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        price = {"scale": instrument.price_scale, "grid": instrument.tick, "required": False}
        self.fields["quantity"] = UnitsInput(
            scale=instrument.base_scale,
            grid=instrument.step,
            label=f"Quantity in {instrument.base}",
        )
        self.fields["limit_price"] = UnitsInput(label="Limit price", **price)
        self.fields["stop_loss"] = UnitsInput(label="Stop", **price)
        self.fields["take_profit"] = UnitsInput(label="Target", **price)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        is_limit = data.get("type") == Order.Type.LIMIT
        if is_limit and "limit_price" in data and data["limit_price"] is None:
            self.add_error("limit_price", "A limit order wants its price.")
        if data.get("type") == Order.Type.MARKET and data.get("limit_price") is not None:
            self.add_error("limit_price", "A market order has no limit price; choose Limit.")
        return data


class LimitsForm(forms.Form):
    """The limits of an account: percentages for fractions, money in the account's currency."""

    position_percent = forms.DecimalField(
        label="Largest position, % of equity",
        min_value=Decimal("0.1"),
        max_value=100,
        decimal_places=2,
    )
    max_open_positions = forms.IntegerField(label="Open positions", min_value=1, max_value=100)
    exposure_percent = forms.DecimalField(
        label="All positions together, % of equity",
        min_value=Decimal("0.1"),
        max_value=100,
        decimal_places=2,
    )
    stop_percent = forms.DecimalField(
        label="Stop where none is given, % below the price",
        min_value=Decimal("0.1"),
        max_value=50,
        decimal_places=2,
    )
    take_multiple = forms.DecimalField(
        label="Target where none is given, times the stop distance",
        min_value=Decimal("0.1"),
        max_value=100,
        decimal_places=2,
    )

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        kwargs["initial"] = _initial(account.risk_limit, account)
        super().__init__(*args, **kwargs)
        for name, label in (
            ("max_position_notional", "Largest position"),
            ("max_daily_loss", "Largest loss in one UTC day"),
        ):
            self.fields[name] = UnitsInput(
                scale=account.scale, label=f"{label}, {account.currency}"
            )

    @property
    def limits(self) -> dict[str, Any]:
        """Return the limits as `limits_change` takes them."""
        data = self.cleaned_data
        return {
            "max_position_fraction": float(data["position_percent"]) / 100,
            "max_position_notional": data["max_position_notional"],
            "max_open_positions": data["max_open_positions"],
            "max_daily_loss": data["max_daily_loss"],
            "max_exposure_fraction": float(data["exposure_percent"]) / 100,
            "stop_fraction": float(data["stop_percent"]) / 100,
            "take_multiple": float(data["take_multiple"]),
        }


def _initial(limit: RiskLimit, account: Account) -> dict[str, Any]:
    def percent(fraction: float) -> str:
        return f"{fraction * 100:.2f}".rstrip("0").rstrip(".")

    return {
        "position_percent": percent(limit.max_position_fraction),
        "max_position_notional": shown(limit.max_position_notional, account.scale),
        "max_open_positions": limit.max_open_positions,
        "max_daily_loss": shown(limit.max_daily_loss, account.scale),
        "exposure_percent": percent(limit.max_exposure_fraction),
        "stop_percent": percent(limit.stop_fraction),
        "take_multiple": f"{limit.take_multiple:g}",
    }


class LockForm(forms.Form):
    """A person's own stop: how strict, and why."""

    level = forms.ChoiceField(
        label="What stops",
        choices=[
            (Lock.Level.HALT, "No new orders; positions keep their stops"),
            (Lock.Level.FLATTEN, "No new orders, and sell every position now"),
        ],
    )
    reason = forms.CharField(label="Why", max_length=200)


FIGURES = {
    "min_edge_bps": ("Least edge beyond the fee, bps", "What half a spread earns at least."),
    "risk_aversion": ("Risk aversion, per bp and order", "More lowers quotes by inventory."),
    "horizon_s": ("Horizon, s", "How long what was bought is expected to be held."),
    "order_flow_decay": ("Order flow k, per bp", "Left empty it is measured from trades."),
    "replace_bps": ("Replace a quote beyond, bps", "A nearer one keeps its place."),
    "refresh_ms": ("Look at most every, ms", ""),
    "spike": ("Withdraw at volatility, times the usual", ""),
    "void_bps": ("Withdraw beside a gap of, bps", ""),
}


class MakingForm(forms.Form):
    """A market maker of one pair; `instruments` are those that the account can quote."""

    symbol = forms.ChoiceField(label="Pair")

    def __init__(self, *args: Any, instruments: Sequence[Instrument], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._by_symbol = {instrument.symbol: instrument for instrument in instruments}
        self.fields["symbol"].choices = [(symbol, symbol) for symbol in self._by_symbol]  # type: ignore[attr-defined]
        instrument = self._by_symbol.get(self.data.get("symbol", ""))
        scale, step = (8, 1) if instrument is None else (instrument.base_scale, instrument.step)
        for name, label in (("order_size", "One order"), ("max_inventory", "Most held")):
            self.fields[name] = UnitsInput(
                scale=scale, grid=step, label=f"{label}, in the base asset"
            )
        usual = Parameters(1, 1)
        for name, (label, help_text) in FIGURES.items():
            self.fields[name] = forms.FloatField(
                label=label,
                help_text=help_text,
                initial=getattr(usual, name),
                required=name != "order_flow_decay",
                widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
            )
        self._parameters: Parameters | None = None

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        figures = {name: data[name] for name in FIGURES}
        figures["refresh_ms"] = round(figures["refresh_ms"])
        try:
            self._parameters = Parameters(data["order_size"], data["max_inventory"], **figures)
        except ParametersError as fault:
            field = fault.name if fault.name in self.fields else None
            self.add_error(field, f"{fault.detail[0].upper()}{fault.detail[1:]}.")
        return data

    @property
    def instrument(self) -> Instrument:
        return self._by_symbol[self.cleaned_data["symbol"]]

    @property
    def parameters(self) -> Parameters:
        """Return what was typed; only where the form is valid."""
        if self._parameters is None:
            message = "the form is not valid"
            raise ValueError(message)
        return self._parameters

    @property
    def figures(self) -> list[forms.BoundField]:
        """Return the fields that most people leave as they are."""
        return [self[name] for name in FIGURES]


def parameter_rows(maker_params: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return label and value of a maker's parameters, for its line."""
    rows = []
    for name in BOUNDS:
        if name in FIGURES and name in maker_params:
            value = maker_params[name]
            rows.append((FIGURES[name][0], "measured" if value is None else f"{value:g}"))
    return rows
