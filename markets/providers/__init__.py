"""Sources of market data, a folder each: protocols and parsing, no Django, no database."""
