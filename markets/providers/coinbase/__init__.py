"""Coinbase Advanced Trade: public market data, the fallback for quotes and bars."""
