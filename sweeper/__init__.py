"""Plans, runs and explains ablation studies."""

__version__ = "0.1.0"
