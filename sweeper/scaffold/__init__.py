"""A study file for a script: from its flags and what it prints."""
