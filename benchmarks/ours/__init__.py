"""Work that a benchmark does in a process of Mystic's environment."""
