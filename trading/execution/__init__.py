"""Pure execution: order states, fills and fees; no clock, no database, no network."""
