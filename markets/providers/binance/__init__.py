"""Binance spot: the REST API and the combined streams, market data only."""
