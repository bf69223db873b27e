"""Path converters of the API: ids that fit the database, symbols with or without a slash."""

from typing import Any

from django.urls import URLPattern, path, register_converter

from mystic.lib.units import LARGEST_UNITS


class IdConverter:
    """A row's id; what cannot be one is simply not there."""

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        number = int(value)
        if number > LARGEST_UNITS:
            message = "no id is so large"
            raise ValueError(message)
        return number

    def to_url(self, value: int) -> str:
        return str(value)


class SymbolConverter:
    """`BTCUSDT`, `btc-usdt` or `BTC/USDT`; the slash may be written %2F."""

    regex = "[^/]+(?:/[^/]+)?"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(IdConverter, "id")
register_converter(SymbolConverter, "symbol")


def endpoint(route: str, view: Any, name: str) -> URLPattern:
    """Return the address of a class of `ApiView`; it may use the converters above."""
    address: URLPattern = path(route, view.as_view(), name=f"api_{name}")
    return address
