"""Slots on a Dask cluster: `sweeper launch --engine dask`.

joblib's Dask backend starts the slots; a slot does the same everywhere. Only this package imports Dask.
"""
