"""Massive, formerly Polygon: US stocks and options by REST and by stream."""
