"""Who runs which trial: short transactions on the queue."""
