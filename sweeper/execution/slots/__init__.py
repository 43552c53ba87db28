"""Slots: places where one trial runs at a time. A slot claims a trial, supervises its process, records, repeats."""
