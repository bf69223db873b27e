"""What Mystic concludes from the markets: columns, patterns, decisions, signals."""
