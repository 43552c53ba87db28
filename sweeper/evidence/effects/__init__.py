"""Effects of factors, their importance, and attribution."""
