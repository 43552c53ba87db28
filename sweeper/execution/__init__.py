"""Running a study: slots on this machine or a cluster, hooks, provenance."""
