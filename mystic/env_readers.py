"""How the text of a setting is read: each reader raises ValueError with what it wants."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable: name, default as text, reader, meaning; secrets may be files."""

    name: str
    default: str
    read: Callable[[str], Any]
    about: str
    is_secret: bool = False


def text(raw: str) -> str:
    return raw


def directory(raw: str) -> str:
    """Return the absolute path of a folder that exists; empty stays empty."""
    if not raw:
        return raw
    path = Path(raw).expanduser().resolve()
    if not path.is_dir():
        message = f"names no folder: {path}; make it, or leave the setting out"
        raise ValueError(message)
    return str(path)


def boolean(raw: str) -> bool:
    if raw.lower() in {"1", "true", "yes", "on"}:
        return True
    if raw.lower() in {"0", "false", "no", "off"}:
        return False
    message = "wants true or false"
    raise ValueError(message)


def integer(low: int, high: int) -> Callable[[str], int]:
    def read(raw: str) -> int:
        message = f"wants a whole number from {low} to {high}"
        if not re.fullmatch(r"\d{1,12}", raw):
            raise ValueError(message)
        value = int(raw)
        if not low <= value <= high:
            raise ValueError(message)
        return value

    return read


def amount(raw: str) -> Decimal:
    message = "wants a positive amount such as 10000"
    try:
        value = Decimal(raw)
    except InvalidOperation:
        raise ValueError(message) from None
    if not value.is_finite() or value <= 0:
        raise ValueError(message)
    return value


def items(raw: str) -> list[str]:
    return [item.strip() for item in raw.split(",") if item.strip()]


def symbols(raw: str) -> list[str]:
    found = [item.upper() for item in items(raw)]
    wrong = [s for s in found if not re.fullmatch(r"[A-Z0-9]{1,20}/[A-Z0-9]{1,10}", s)]
    if wrong or not found:
        message = "wants symbols such as BTC/USDT,ETH/USDT"
        raise ValueError(message)
    return found


def url(*schemes: str) -> Callable[[str], str]:
    def read(raw: str) -> str:
        if raw == "off":
            return ""
        parts = urlsplit(raw)
        if raw and (parts.scheme not in schemes or not parts.netloc):
            message = f"wants an address that begins with {' or '.join(s + '://' for s in schemes)}"
            raise ValueError(message)
        return raw.rstrip("/")

    return read


def choice(*allowed: str) -> Callable[[str], str]:
    def read(raw: str) -> str:
        if raw not in allowed:
            message = f"wants one of {', '.join(allowed)}"
            raise ValueError(message)
        return raw

    return read


def tickers(raw: str) -> list[str]:
    found = [item.upper() for item in items(raw)]
    if any(not re.fullmatch(r"\^?[A-Z0-9][A-Z0-9.=-]{0,19}", one) for one in found):
        message = "wants names such as AAPL,MSFT"
        raise ValueError(message)
    return found


def percent(raw: str) -> float:
    value = amount(raw)
    if value > 100:
        message = "wants a percentage up to 100"
        raise ValueError(message)
    return float(value)
