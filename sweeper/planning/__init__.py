"""From a study to its trials: plan, sampling, pruning and queue order."""
