"""What CoinGecko calls a coin: tickers are not unique there, so an id is known or not used."""

from collections.abc import Iterable, Mapping

from mystic.lib.http import Refused

# Coins whose ids are certain: those of the default watch list and the quote coins.
COIN_IDS: Mapping[str, str] = {
    "BTC": "bitcoin",
    "ETH": "ethereum",
    "BNB": "binancecoin",
    "SOL": "solana",
    "XRP": "ripple",
    "ADA": "cardano",
    "DOGE": "dogecoin",
    "AVAX": "avalanche-2",
    "LINK": "chainlink",
    "LTC": "litecoin",
    "USDT": "tether",
    "USDC": "usd-coin",
    "DAI": "dai",
}
# Currencies in which CoinGecko itself tells prices; a price in another coin is a cross rate.
VS_CURRENCIES = frozenset({"USD", "EUR", "GBP", "JPY", "AUD", "CAD", "CHF", "BRL", "TRY", "INR"})


class CoinIds:
    """The coins that are known by their ids; `learn` adds those of the administrators' aliases."""

    def __init__(self, known: Mapping[str, str] = COIN_IDS) -> None:
        self._ids = dict(known)

    def learn(self, ids: Mapping[str, str]) -> None:
        """Take further ids by ticker: {"PEPE": "pepe"}."""
        self._ids |= {ticker.upper(): coin for ticker, coin in ids.items()}

    def get(self, ticker: str) -> str | None:
        return self._ids.get(ticker.upper())

    def native_id(self, symbol: str) -> str:
        """Return the pair as this source names it: `bitcoin/usdt` for BTC/USDT.

        Raises
        ------
        Refused
            For a ticker whose coin is not known; it is never guessed.
        """
        base, _, quote = symbol.partition("/")
        coin = self.get(base)
        if coin is None or not quote:
            message = (
                f"CoinGecko's id of {base} is not known; "
                "give the instrument an alias of the source coingecko"
            )
            raise Refused(message)
        return f"{coin}/{quote.lower()}"

    def quote_coin(self, quote: str) -> str | None:
        """Return the coin through which a price in `quote` is told, None where it is direct.

        Raises
        ------
        Refused
            For a quote asset that CoinGecko neither quotes in nor is known to list.
        """
        if quote.upper() in VS_CURRENCIES:
            return None
        coin = self.get(quote)
        if coin is None:
            message = f"CoinGecko tells no prices in {quote.upper()}"
            raise Refused(message)
        return coin


def unique_ids(listed: Iterable[tuple[str, str]], wanted: Iterable[str]) -> dict[str, str]:
    """Return the ids of those tickers that exactly one coin of the list has.

    Parameters
    ----------
    listed : iterable of (id, ticker)
        The source's whole list.
    wanted : iterable of str
        Tickers in capitals; one that several coins share is left out.
    """
    tickers = set(wanted)
    found: dict[str, set[str]] = {}
    for coin, ticker in listed:
        if ticker.upper() in tickers:
            found.setdefault(ticker.upper(), set()).add(coin)
    return {ticker: next(iter(coins)) for ticker, coins in found.items() if len(coins) == 1}
