"""What trading does: each function is one action, whole or not at all."""
