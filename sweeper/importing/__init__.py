"""Runs that other tools made: read, brought into one form, and written into a store as a study."""
