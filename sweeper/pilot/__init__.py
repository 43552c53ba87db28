"""Pilot runs that measure a study's throughput before it is launched."""
