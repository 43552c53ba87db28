"""Studies played again by other protocols: fewer trials, fewer seeds, sequential stopping, pruners."""
