"""Quotes on both sides of a book: what to ask and bid for, given what is held."""
