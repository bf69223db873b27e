"""Options: contract names, prices and greeks, implied volatility, unusual activity."""
