"""The JSON schema of study files, for editors and for the reference in the documentation."""

from typing import Any

from sweeper.spec.models import StudyFile


def json_schema() -> dict[str, Any]:
    """The schema; every key has a description."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **StudyFile.model_json_schema(by_alias=True)}
