"""Designs: from factors to configurations, as pure functions."""
