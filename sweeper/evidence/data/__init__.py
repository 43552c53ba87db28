"""A study's runs as frames, measures and comparisons."""
