"""Writing a plan into the store."""
