"""What Mystic tells its users: alert rules, alerts, deliveries."""
