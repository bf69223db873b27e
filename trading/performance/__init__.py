"""What an equity curve and a list of trades are worth: figures, stress, and how far to believe."""
