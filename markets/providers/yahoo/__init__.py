"""Yahoo Finance, without contract or limits on record: a source of last resort, asked gently."""
