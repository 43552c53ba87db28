"""The checks of `sweeper doctor`: one file per subject."""
