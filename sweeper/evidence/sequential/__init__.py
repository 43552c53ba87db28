"""Interim looks and stopping."""
