"""Backtests: the decisions, risk rules, order states and fills of paper and live on stored bars."""
