"""Learning curves of a study's trials, and what their steps count."""

import json
from collections.abc import Mapping

import pandas as pd

from sweeper.evidence.data.load import StudyData
from sweeper.monitor.counting import Extent, counted_unit
from sweeper.store.reading.reader import Curve

__all__ = ["Curve", "step_unit"]


def step_unit(data: StudyData, frame: pd.DataFrame, curves: Mapping[int, Curve]) -> str:
    """Return what the steps of the trials in a frame count: steps, tokens or epochs."""
    if data.study.study.trial.is_trainer:
        return "steps"
    return counted_unit(
        Extent(budget=json.loads(budget), step=curves[trial].steps[-1], completed=state == "completed")
        for trial, state, budget in frame[["trial_id", "state", "budget"]].itertuples(index=False)
        if trial in curves
    )
