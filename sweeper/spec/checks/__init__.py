"""Checks of a study file beyond its types."""
