"""Every outside source on one page: what it gives, what it needs, why it is off.

A source's data belong to the venue `code_of` names: the source itself over its own hosts,
`replay:<code>` over any other address. While the first venue is a replay, live sources are off,
so that replayed and live data never meet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from typing import Any

from markets.providers.base import source_name
from mystic.lib.provenance import REPLAY_PREFIX


class Gives(StrEnum):
    """What can be asked from a source."""

    BARS = "bars"
    QUOTES = "quotes"
    STREAM = "stream"
    BOOKS = "books"
    OPTIONS = "options"
    MACRO = "macro"
    MOOD = "mood"
    NEWS = "news"


@dataclass(frozen=True, slots=True)
class Provider:
    """One source.

    `urls` and `keys` are names of settings; the first of `urls` is its REST side. With an empty
    address or key the source is off. `rest` is the class that asks it, as `module:Class`, made by
    its `from_settings(env)`.
    """

    code: str
    name: str
    asset_classes: frozenset[str]
    gives: frozenset[Gives]
    urls: tuple[str, ...]
    keys: tuple[str, ...] = ()
    rest: str = ""


def _provider(
    code: str, name: str, classes: str, gives: str, urls: str, keys: str = "", rest: str = ""
) -> Provider:
    return Provider(
        code,
        name,
        frozenset(classes.split()),
        frozenset(Gives(one) for one in gives.split()),
        tuple(urls.split()),
        tuple(keys.split()),
        f"markets.providers.{rest}" if rest else "",
    )


PROVIDERS: Mapping[str, Provider] = {
    one.code: one
    for one in (
        _provider(
            "binance",
            "Binance",
            "crypto",
            "bars quotes stream books",
            "BINANCE_REST_URL BINANCE_WS_URL",
            rest="binance.rest:BinanceRest",
        ),
        _provider(
            "coinbase",
            "Coinbase",
            "crypto",
            "bars quotes stream books",
            "COINBASE_REST_URL COINBASE_WS_URL",
            rest="coinbase.rest:CoinbaseRest",
        ),
        _provider(
            "coingecko",
            "CoinGecko",
            "crypto",
            "quotes",
            "COINGECKO_BASE_URL",
            rest="coingecko.rest:CoinGeckoRest",
        ),
        _provider(
            "ccxt",
            "ccxt",
            "crypto",
            "bars quotes books",
            "",
            "CCXT_EXCHANGE",
            rest="ccxt_rest:CcxtRest",
        ),
        _provider(
            "alpaca",
            "Alpaca",
            "stock option",
            "bars quotes stream options",
            "ALPACA_DATA_URL ALPACA_API_URL",
            "ALPACA_API_KEY ALPACA_API_SECRET",
            rest="alpaca.rest:AlpacaRest",
        ),
        _provider(
            "massive",
            "Massive (Polygon)",
            "stock option",
            "bars quotes stream options",
            "MASSIVE_BASE_URL",
            "MASSIVE_API_KEY",
            rest="massive.rest:MassiveRest",
        ),
        _provider(
            "yahoo",
            "Yahoo Finance",
            "stock option",
            "bars quotes options",
            "YAHOO_BASE_URL",
            rest="yahoo.rest:YahooRest",
        ),
        _provider(
            "ibkr",
            "Interactive Brokers",
            "stock",
            "bars quotes",
            "",
            "IBKR_HOST",
            rest="ibkr:IbkrRest",
        ),
        _provider(
            "fred",
            "FRED",
            "macro",
            "macro",
            "FRED_BASE_URL",
            "FRED_API_KEY",
            rest="fred:FredRest",
        ),
        _provider(
            "fear_greed",
            "alternative.me",
            "crypto",
            "mood",
            "FEAR_GREED_URL",
            rest="fear_greed:FearGreedRest",
        ),
        _provider("news", "News feeds", "crypto stock macro", "news", "", rest="news:FeedReader"),
    )
}


def code_of(provider: Provider, env: Mapping[str, Any]) -> str:
    """Return the venue code of a source's data: its own, or `replay:<code>`."""
    if provider.code in {"ccxt", "ibkr", "news"}:
        address = env.get("CCXT_BASE_URL") if provider.code == "ccxt" else ""
        own = f"ccxt-{env['CCXT_EXCHANGE']}" if provider.code == "ccxt" else provider.code
        return f"{REPLAY_PREFIX}{own}" if address else own
    names = {source_name(provider.code, env[url]) for url in provider.urls if env[url]}
    return provider.code if names == {provider.code} else f"{REPLAY_PREFIX}{provider.code}"


def is_replaying(env: Mapping[str, Any]) -> bool:
    """Tell whether the first venue is played from a recording."""
    return code_of(PROVIDERS["binance"], env).startswith(REPLAY_PREFIX)


def off_reason(provider: Provider, env: Mapping[str, Any]) -> str:
    """Return why a source is off, in a sentence that says how to switch it on; empty when on."""
    for name in provider.keys:
        if not env[name]:
            return f"{name} is not set"
    for name in provider.urls:
        if not env[name]:
            return f"{name} is switched off"
    if provider.code == "ibkr" and find_spec("ib_async") is None:
        return "the package ib_async is missing: install it with `pip install ib_async`"
    if provider.code == "news" and env["MYSTIC_NEWS"] == "off":
        return "MYSTIC_NEWS is off"
    if is_replaying(env) is not code_of(provider, env).startswith(REPLAY_PREFIX):
        return "live and replayed data are never mixed"
    return ""
