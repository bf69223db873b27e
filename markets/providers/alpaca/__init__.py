"""Alpaca: US stocks and options by REST and by stream; one venue (IEX) on the free plan."""
