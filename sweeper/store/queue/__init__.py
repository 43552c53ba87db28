"""The queue: who runs which trial, in short transactions."""
