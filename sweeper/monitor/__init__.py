"""The progress of a study, read from the store."""
