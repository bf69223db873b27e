"""Several strategies and models vote; their weights come from their measured record."""
