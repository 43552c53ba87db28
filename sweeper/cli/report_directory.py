"""Where `sweeper report` writes by default. Importing this loads none of the report's libraries."""

from pathlib import Path


def default_directory(studies: list[str]) -> Path:
    """Return the default output directory for a report on one study or a comparison of two."""
    return Path("sweeper-reports") / "-and-".join(map(_directory_name, studies))


def _directory_name(study: str) -> str:
    """Turn a study's name into a single, visible directory name."""
    return study.replace("/", "-").replace("\\", "-").lstrip(".") or "study"
