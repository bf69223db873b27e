"""What Mystic's speed and size are measured with; `make bench` runs it."""
