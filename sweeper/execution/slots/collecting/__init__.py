"""Metrics from files that a program or its logger writes."""
