"""Study files, and results that were really run."""
