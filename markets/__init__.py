"""What Mystic knows of the outside world: venues, instruments, quotes, bars."""
