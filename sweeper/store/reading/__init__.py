"""Read-only access to the store."""
