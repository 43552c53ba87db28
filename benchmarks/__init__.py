"""Measurements for docs/performance.md. Each is a ratio taken within one run, because machines are noisy."""
