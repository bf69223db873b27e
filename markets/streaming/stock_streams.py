"""The streams of stocks that the settings allow."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markets.providers.base import MarketStream, StreamHandler

# Bars and quotes before trades: a plan that allows few streams refuses the last ones.
type MakeStream = Callable[
    [str, Mapping[str, Any], Sequence[str], StreamHandler, Callable[[], bool]], MarketStream | None
]


def stock_names(provider: str, native_ids: Sequence[str]) -> list[str]:
    """Return what a source's stream calls everything that is wanted of these stocks."""
    if provider == "alpaca":
        from markets.providers.alpaca import stream as alpaca

        return alpaca.streams_for(native_ids)
    from markets.providers.massive import stream as massive

    return massive.streams_for(native_ids)


def stock_stream(
    provider: str,
    env: Mapping[str, Any],
    native_ids: Sequence[str],
    handler: StreamHandler,
    is_open: Callable[[], bool],
) -> MarketStream | None:
    """Return a source's stream of these stocks, None where it has none or it is switched off."""
    if provider == "alpaca" and env["ALPACA_WS_URL"]:
        from markets.providers.alpaca import stream as alpaca

        return alpaca.AlpacaStream(
            env["ALPACA_WS_URL"],
            alpaca.streams_for(native_ids),
            handler,
            key=env["ALPACA_API_KEY"],
            secret=env["ALPACA_API_SECRET"],
            feed=env["ALPACA_FEED"],
            is_open=is_open,
        )
    if provider == "massive" and env["MASSIVE_WS_URL"]:
        from markets.providers.massive import stream as massive

        return massive.MassiveStream(
            env["MASSIVE_WS_URL"],
            massive.streams_for(native_ids),
            handler,
            key=env["MASSIVE_API_KEY"],
            is_open=is_open,
        )
    return None
