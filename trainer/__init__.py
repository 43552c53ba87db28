"""Language-model training as a program of its own: `python -m trainer CONFIG --run-dir DIR`."""
