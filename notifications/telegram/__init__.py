"""What people say to our Telegram bot."""
