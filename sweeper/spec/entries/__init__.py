"""The study file as users write it: a pydantic model for each section."""
