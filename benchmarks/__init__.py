"""Measurements behind docs/performance.md. Each is a ratio taken in one run, since machines are noisy."""
