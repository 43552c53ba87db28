"""Find what a run resumes from: its newest checkpoint; if that is damaged, the one before; else nothing.

A damaged checkpoint is no reason to give up a run: it would be damaged at the next attempt, too. One that belongs to
another run is, because resuming would overwrite that run.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from trainer import checkpoint
from trainer.config.model import TrainerConfig
from trainer.corpora.corpus import Corpus
from trainer.errors import Unreadable, UsageError
from trainer.request import BEST_FILE, CHECKPOINT_FILE, METRICS_FILE, PREVIOUS_FILE, UNREADABLE_FILE

# The sections that may differ between a checkpoint's configuration and that of the resumed run.
FREE_ON_RESUME: Final = ("budget", "checkpoint", "deterministic", "device", "threads")


@dataclass(frozen=True, slots=True)
class Resumed:
    """How a run resumed.

    Attributes:
        file: the checkpoint's file name; None if the run begins anew.
        step: the step after which it resumes.
        reason: why it does not resume from the newest checkpoint; None if it does, or if there is none.
    """

    file: str | None
    step: int
    reason: str | None = None

    def line(self) -> str | None:
        """Return what to say to the user; None if all is as expected."""
        if self.reason is None:
            return None
        then = "beginning anew" if self.file is None else f"resuming from {self.file} at step {self.step}"
        return f"warning: {self.reason}; {then}"

    def document(self) -> dict[str, Any]:
        """Return it as result.json has it."""
        return {"from": self.file, "step": self.step, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Found:
    """A checkpoint's state, if there is one, and how the run resumes; None if it is the run's first attempt."""

    state: dict[str, Any] | None
    resumed: Resumed | None


NOTHING: Final = Found(None, None)


def find_checkpoint(folder: Path, config: TrainerConfig, corpus: Corpus) -> Found:
    """Return the newest checkpoint that can be read, together with the files that belong to it.

    If that is not the newest one, the newest one is renamed, so that it does not replace the one before.

    Raises:
        UsageError: the checkpoint belongs to another configuration or text.
    """
    reasons: list[str] = []
    for name in (CHECKPOINT_FILE, PREVIOUS_FILE):
        path = folder / name
        if not path.exists() and not (name == PREVIOUS_FILE and reasons):
            continue
        try:
            state = _load(path, config, corpus)
        except Unreadable as error:
            reasons.append(error.fault)
            continue
        _set_aside(folder, bool(reasons))
        return Found(state, Resumed(name, state["progress"]["step"], reasons[0] if reasons else None))
    _set_aside(folder, bool(reasons))
    if reasons:
        return Found(None, Resumed(None, 0, "; ".join(reasons)))
    metrics = folder / METRICS_FILE
    began = metrics.exists() and metrics.stat().st_size > 0
    return Found(None, Resumed(None, 0)) if began else NOTHING


def _load(path: Path, config: TrainerConfig, corpus: Corpus) -> dict[str, Any]:
    """Load a checkpoint and check the files beside it.

    Raises:
        Unreadable: one of them is damaged.
        UsageError: the checkpoint belongs to another configuration or text.
    """
    state = checkpoint.load(path)
    _check_same(path, state, config, corpus)
    if state["progress"]["best_step"] > 0:
        checkpoint.load(path.with_name(BEST_FILE))
    metrics, expected = path.with_name(METRICS_FILE), state["metrics_bytes"]
    length = metrics.stat().st_size if metrics.exists() else 0
    if length < expected:
        raise Unreadable(f"{metrics}: has {length} bytes, but {path.name} beside it expects at least {expected}")
    return state


def _set_aside(folder: Path, is_damaged: bool) -> None:
    newest = folder / CHECKPOINT_FILE
    if is_damaged and newest.exists():
        newest.replace(folder / UNREADABLE_FILE)


def _check_same(path: Path, state: dict[str, Any], config: TrainerConfig, corpus: Corpus) -> None:
    if state["corpus"] != corpus.fingerprint:
        raise UsageError(
            f"{path}: was trained on another text of {corpus.name} (its fingerprint is {state['corpus'][:12]}…, here "
            f"it is {corpus.fingerprint[:12]}…). Resume where that text is, or start in another directory."
        )
    before, now = json.loads(state["config"]), config.model_dump(mode="json")
    changes = [
        f"{name} was {json.dumps(old)} and is {json.dumps(new)}"
        for name, old, new in _differences(before, now)
        if name.split(".")[0] not in FREE_ON_RESUME
    ]
    if changes:
        raise UsageError(
            f"{path}: belongs to another configuration: {'; '.join(changes)}. "
            "Restore the configuration, or start in another directory."
        )


def _differences(before: dict[str, Any], now: dict[str, Any], prefix: str = "") -> list[tuple[str, Any, Any]]:
    found = []
    for name in sorted({*before, *now}):
        old, new = before.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            found += _differences(old, new, f"{prefix}{name}.")
        elif old != new:
            found.append((f"{prefix}{name}", old, new))
    return found
