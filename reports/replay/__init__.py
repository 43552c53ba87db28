"""Replays of studies under other protocols: fewer trials, fewer seeds, sequential stopping, pruners."""
