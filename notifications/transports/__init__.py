"""Ways to reach a person: each sends one `Message` or raises what is to be done about it."""
