"""Slots on a Dask cluster: `sweeper launch --engine dask`.

joblib's Dask backend starts the slots; what a slot does is the same everywhere. Dask is imported here alone.
"""
