"""A study as the columns of its row in the store."""

import hashlib
import json

from sweeper.spec.json_form import to_json
from sweeper.spec.study import Study


def study_columns(study: Study) -> dict[str, object]:
    """Return the columns that follow from a study."""
    document = to_json(study)
    return {
        "source": study.source,
        "source_path": str(study.path),
        "spec": document,
        "spec_sha256": _sha256(document),
        "claims_sha256": _sha256(document["claims"]),
        "metric": study.metric.name,
        "direction": study.metric.direction,
        "budget_device_hours": study.device_hours,
    }


def _sha256(document: object) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
