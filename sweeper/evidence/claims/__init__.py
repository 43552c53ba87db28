"""Verdicts on declared claims."""
