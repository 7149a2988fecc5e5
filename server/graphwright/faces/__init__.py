"""Other protocols over the same runs."""
