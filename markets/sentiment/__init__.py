"""What a text of the news says, to whom it belongs, and whether it is new; pure functions."""
