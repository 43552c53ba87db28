"""One file a version of our tables."""
