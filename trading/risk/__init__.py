"""Pure risk: may this order be, how large may it be, and why not."""
