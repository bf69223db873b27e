"""One benchmark a module: `measure(is_quick=)` returns the figures by name."""
