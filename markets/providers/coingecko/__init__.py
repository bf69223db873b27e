"""CoinGecko: delayed prices of coins, for display only."""
