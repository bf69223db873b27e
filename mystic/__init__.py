"""Mystic: the composition root of the platform."""
