"""The fields of a backtest's assumptions: from what is typed to `Assumptions`, and back.

`Assumptions` counts in millionths and smallest units; a page says percent and plain amounts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mystic.lib.units import AmountError, parse_amount, shown, to_units
from trading.assumed import ASSUMED, BY_NAME, GROUPS, LIMITS, WORDS, Assumed
from trading.backtest.assumptions import Assumptions


@dataclass(slots=True)
class Field:
    """One field as the page shows it; `kind` is `text`, `select` or `check`."""

    name: str
    label: str
    value: str = ""
    unit: str = ""
    help: str = ""
    kind: str = "text"
    choices: tuple[tuple[str, str], ...] = ()
    error: str = ""


class FieldError(ValueError):
    """What was typed is not what the field wants; the sentence says what is."""


def texts_of(assumptions: Assumptions) -> dict[str, str]:
    """Return what each field shows for these assumptions."""
    told = assumptions.to_json()
    return {one.name: _text(one, _value(told, one.name), int(told["scale"])) for one in ASSUMED}


def read(sent: Mapping[str, str], scale: int) -> tuple[dict[str, Any], dict[str, str]]:
    """Return assumptions as JSON has them, and a sentence for each field that cannot be read."""
    told: dict[str, Any] = {"scale": scale, "limits": {}}
    faults: dict[str, str] = {}
    for one in ASSUMED:
        try:
            value = _read(one, sent.get(one.name, "").strip(), scale)
        except FieldError as fault:
            faults[one.name] = str(fault)
            continue
        if one.name.startswith(LIMITS):
            told["limits"][one.name.removeprefix(LIMITS)] = value
        else:
            told[one.name] = value
    return told, faults


def fields_of(
    texts: Mapping[str, str], faults: Mapping[str, str]
) -> list[tuple[str, list[Field], list[Field]]]:
    """Return the groups of fields: those that are always shown, and the rare ones."""
    groups = []
    for group in GROUPS:
        mine = [(one, _field(one, texts, faults)) for one in ASSUMED if one.group == group]
        usual = [made for one, made in mine if not one.is_rare]
        rare = [made for one, made in mine if one.is_rare]
        groups.append((group, usual, rare))
    return groups


def place_of(place: str) -> str | None:
    """Return the field that a fault's place is about: `/assumptions/limits/stop_ppm`."""
    name = place.removeprefix("/assumptions").strip("/").replace("/", ".")
    if name in BY_NAME:
        return name
    return f"{LIMITS}{name}" if f"{LIMITS}{name}" in BY_NAME else None


def _field(one: Assumed, texts: Mapping[str, str], faults: Mapping[str, str]) -> Field:
    kinds = {"choice": "select", "flag": "check"}
    currency = texts.get("currency", "")
    return Field(
        name=f"assume-{one.name}",
        label=one.label,
        value=texts.get(one.name, ""),
        unit=currency if one.kind == "money" else one.unit,
        help=one.help,
        kind=kinds.get(one.kind, "text"),
        choices=tuple((name, WORDS[name]) for name in one.choices),
        error=faults.get(one.name, ""),
    )


def _value(told: Mapping[str, Any], name: str) -> Any:
    limits: Mapping[str, Any] = told["limits"]
    return limits[name.removeprefix(LIMITS)] if name.startswith(LIMITS) else told[name]


def _text(one: Assumed, value: Any, scale: int) -> str:
    if value is None:
        return ""
    match one.kind:
        case "percent":
            return shown(value, 4)
        case "times":
            return shown(value, 3)
        case "money":
            return shown(value, scale)
        case "flag":
            return "on" if value else ""
    return str(value)


def _read(one: Assumed, text: str, scale: int) -> Any:
    if one.kind == "flag":
        return bool(text)
    if not text:
        if one.is_optional:
            return None
        raise FieldError("A value is wanted here.")
    match one.kind:
        case "choice":
            return _choice(one, text)
        case "word":
            return text.upper()[:20]
        case "whole":
            return int(_amount(text, 0))
    return _amount(text, {"percent": 4, "times": 3}.get(one.kind, scale))


def _choice(one: Assumed, text: str) -> str:
    if text not in one.choices:
        raise FieldError(f"Choose one of {', '.join(WORDS[name].lower() for name in one.choices)}.")
    return text


def _amount(text: str, scale: int) -> int:
    try:
        amount: Decimal = parse_amount(text)
        if amount < 0:
            raise FieldError("It cannot be less than zero.")
        return to_units(amount, scale)
    except AmountError as fault:
        if "decimal places" in str(fault):
            most = f"at most {scale} decimal places" if scale else "a whole number"
            raise FieldError(f"{text} is too fine: {most} here.") from None
        raise FieldError("Write a number in plain digits, such as 0.25.") from None
