"""Brokers: what carries an approved order to a venue; paper is the one that needs none."""
