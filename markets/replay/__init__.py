"""A local server that speaks Binance's protocol from recorded frames or candle files."""
