"""Forecasts as pure calculation: features, purged walk-forward, trees, scores, calibration."""
