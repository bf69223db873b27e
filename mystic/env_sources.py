"""The settings of the outside sources: addresses, keys, what is asked from them.

An address that is not one of the provider's own hosts makes its data a replay (`replay:<code>`).
The address `off` switches a source off; so does a missing key, with the reason on the status page.
"""

from mystic.env_readers import Setting, choice, integer, items, percent, text, tickers, url

HTTP = url("http", "https")
WS = url("ws", "wss")

SOURCE_SETTINGS = (
    Setting(
        "BINANCE_REST_URL",
        "https://data-api.binance.vision",
        HTTP,
        "Binance REST base address.",
    ),
    Setting(
        "BINANCE_WS_URL",
        "wss://data-stream.binance.vision",
        WS,
        "Binance stream base address.",
    ),
    Setting(
        "COINBASE_REST_URL",
        "https://api.coinbase.com/api/v3/brokerage",
        HTTP,
        "Coinbase REST base address; `off` switches the fallback off.",
    ),
    Setting(
        "COINBASE_WS_URL",
        "wss://advanced-trade-ws.coinbase.com",
        WS,
        "Coinbase stream base address; empty switches the fallback off.",
    ),
    Setting(
        "MYSTIC_CRYPTO_SOURCES",
        "binance,coinbase,coingecko",
        items,
        "Sources of crypto quotes and bars, the first that works is used; may name `ccxt`.",
    ),
    Setting(
        "MYSTIC_STOCK_SOURCES",
        "alpaca,massive,yahoo",
        items,
        "Sources of stocks and indices, the first that works is used; may name `ibkr`.",
    ),
    Setting(
        "MYSTIC_OPTION_SOURCES",
        "massive,alpaca,yahoo",
        items,
        "Sources of option chains, the first that works is used.",
    ),
    Setting(
        "MYSTIC_STOCKS",
        "AAPL,MSFT,NVDA,AMZN,GOOGL,META,TSLA,JPM,SPY,QQQ",
        tickers,
        "The stocks that are watched.",
    ),
    Setting(
        "MYSTIC_MACRO",
        "DGS10,DGS2,T10Y2Y,FEDFUNDS,CPIAUCSL,UNRATE,GDP,VIXCLS,DTWEXBGS,DCOILWTICO",
        tickers,
        "The FRED series that are watched.",
    ),
    Setting(
        "MYSTIC_OPTION_UNDERLYINGS",
        "SPY,QQQ,AAPL,NVDA,TSLA",
        tickers,
        "The stocks whose option chains are read.",
    ),
    Setting(
        "COINBASE_API_KEY",
        "",
        text,
        "Name of a Coinbase API key; public data need none.",
        is_secret=True,
    ),
    Setting("COINBASE_API_SECRET", "", text, "Its private key (PEM or base64).", is_secret=True),
    Setting(
        "COINGECKO_BASE_URL",
        "https://api.coingecko.com/api/v3",
        HTTP,
        "CoinGecko base address; `off` switches it off.",
    ),
    Setting(
        "COINGECKO_API_KEY", "", text, "Key of CoinGecko's demo plan; may be empty.", is_secret=True
    ),
    Setting("CCXT_EXCHANGE", "", text, "An exchange of ccxt, such as `kraken`; empty is none."),
    Setting("CCXT_BASE_URL", "", HTTP, "Another address for that exchange; empty is its own."),
    Setting(
        "YAHOO_BASE_URL",
        "https://query2.finance.yahoo.com",
        HTTP,
        "Yahoo Finance address; `off` switches it off.",
    ),
    Setting(
        "MASSIVE_BASE_URL",
        "https://api.massive.com",
        HTTP,
        "Massive (Polygon) REST address; `off` switches it off.",
    ),
    Setting(
        "MASSIVE_WS_URL",
        "wss://socket.massive.com",
        WS,
        "Massive stream address; `off` switches the stream off.",
    ),
    Setting("MASSIVE_API_KEY", "", text, "Key of Massive (Polygon).", is_secret=True),
    Setting(
        "MASSIVE_CALLS_PER_MINUTE",
        "5",
        integer(1, 6000),
        "Requests a minute that your plan allows.",
    ),
    Setting(
        "ALPACA_DATA_URL",
        "https://data.alpaca.markets",
        HTTP,
        "Alpaca market data address; `off` switches it off.",
    ),
    Setting(
        "ALPACA_WS_URL",
        "wss://stream.data.alpaca.markets",
        WS,
        "Alpaca stream address; `off` switches the stream off.",
    ),
    Setting(
        "ALPACA_API_URL",
        "https://paper-api.alpaca.markets",
        HTTP,
        "Alpaca account address, asked for assets and the clock only; a live key wants `https://api.alpaca.markets`.",
    ),
    Setting("ALPACA_API_KEY", "", text, "Alpaca key id.", is_secret=True),
    Setting("ALPACA_API_SECRET", "", text, "Alpaca secret.", is_secret=True),
    Setting("ALPACA_FEED", "iex", choice("iex", "sip", "delayed_sip"), "Alpaca's stock feed."),
    Setting(
        "FRED_BASE_URL",
        "https://api.stlouisfed.org",
        HTTP,
        "FRED address; `off` switches it off.",
    ),
    Setting(
        "FRED_API_KEY", "", text, "FRED key; without it there are no macro series.", is_secret=True
    ),
    Setting(
        "FEAR_GREED_URL",
        "https://api.alternative.me",
        HTTP,
        "alternative.me address; `off` switches the fear and greed index off.",
    ),
    Setting(
        "MYSTIC_NEWS",
        "on",
        choice("on", "off"),
        "Whether news feeds are read; the list is edited in the admin.",
    ),
    Setting("IBKR_HOST", "", text, "Host of an Interactive Brokers gateway; empty is none."),
    Setting("IBKR_PORT", "4002", integer(1, 65535), "Its port."),
    Setting("IBKR_CLIENT_ID", "17", integer(0, 999999), "Its client id."),
    Setting(
        "MYSTIC_EGRESS",
        "default",
        text,
        "Name of the address requests leave from; processes that share it share rate budgets.",
    ),
    Setting(
        "MYSTIC_DISAGREEMENT_PERCENT",
        "1.5",
        percent,
        "Sources further apart than this pause trading of the symbol.",
    ),
)
