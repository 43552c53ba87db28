"""Texts of words and the ids a model reads."""
