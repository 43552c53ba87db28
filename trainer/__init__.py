"""Train language models with a standalone program: `python -m trainer CONFIG --run-dir DIR`."""
