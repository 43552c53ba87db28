"""Slots: a slot claims a trial, supervises its process, records its end, and repeats."""
