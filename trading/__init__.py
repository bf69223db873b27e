"""What Mystic does: accounts, risk, orders, fills, positions, the ledger."""
