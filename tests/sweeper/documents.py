"""Studies made by hand, from documents as stores hold them."""

from collections.abc import Mapping
from typing import Any

from sweeper.designs.factor import Factor
from sweeper.spec.json_form import factor_from_json, from_json
from sweeper.spec.study import Study

COMMAND = {"command": ["python", "train.py"], "metrics": None, "checkpoint": None}


def factor(levels: list[Any] | None = None, baseline: Any = None, **changes: Any) -> dict[str, Any]:
    base = levels[0] if levels and baseline is None else baseline
    empty = dict.fromkeys(("path", "low", "high", "step", "groups", "when"))
    return {**empty, "levels": levels, "baseline": base, "log": False, **changes}


def typed(factors: Mapping[str, dict[str, Any]]) -> dict[str, Factor]:
    return {name: factor_from_json(name, document) for name, document in factors.items()}


def on_off(on: dict[str, Any], off: dict[str, Any], baseline: str = "off") -> dict[str, Any]:
    return factor(["off", "on"], baseline, groups={"off": off, "on": on})


def phase(name: str, design: Any, **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "design": design,
        "factors": None,
        "seeds": [0],
        "budget": {"steps": 100},
        "pruner": "none",
        "config": {},
        "exclude": [],
        "repeats": 1,
        **changes,
    }


def document(
    factors: dict[str, dict[str, Any]],
    *phases: dict[str, Any],
    program: Any = COMMAND,
    config: dict[str, Any] | None = None,
    calibration: dict[str, float] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    return {
        "study": "s",
        "description": "",
        "seed": 0,
        "metric": {"name": "loss", "direction": "minimize", "scale": "linear"},
        "trial": {
            "program": program,
            "config": config or {},
            "environment": {},
            "timeout_minutes": None,
            "calibration": calibration,
        },
        "resources": {"device": "cpu", "slots": 2, "gpus_per_trial": 1.0, "threads_per_trial": 1},
        "budget": {"device_hours": None},
        "factors": factors,
        "phases": list(phases),
        "claims": [],
        **changes,
    }


def study(factors: dict[str, dict[str, Any]], *phases: dict[str, Any], **changes: Any) -> Study:
    return from_json(document(factors, *phases, **changes))
