"""Read texts and turn them into the ids that a model reads."""
