"""An API's word for an instrument, read strictly."""

from markets.models import Instrument
from markets.selectors import LONGEST_SYMBOL, instrument_by_symbol
from mystic.lib.problems import Problem, error
from mystic.lib.strict_json import refuse_control


def instrument_of(symbol: str, *, pointer: str = "") -> Instrument:
    """Return the instrument that `symbol` names, or raise the problem that says why not."""
    if len(symbol) > LONGEST_SYMBOL:
        message = f"a symbol has at most {LONGEST_SYMBOL} characters"
        raise Problem(400, "symbol_too_long", message)
    refuse_control(symbol, pointer)
    try:
        return instrument_by_symbol(symbol)
    except Instrument.DoesNotExist:
        message = f"{symbol!r} is not in the catalogue; BTC/USDT, BTCUSDT and btc-usdt are read"
        errors = [error(pointer, "unknown_symbol", message)] if pointer else []
        raise Problem(404, "unknown_symbol", message, errors=errors) from None
