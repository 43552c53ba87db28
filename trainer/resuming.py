"""Find what a run resumes from: its newest checkpoint; if that is damaged, the one before; else nothing.

A damaged checkpoint is no reason to give up a run: it would be damaged at the next attempt, too. One that belongs to
another run is, because resuming would overwrite that run.

The best weights are in a file of their own. If that is damaged, they are written again from a checkpoint of their step.
If there is none, the run resumes without them, since better ones may follow, which then are the best of the whole run.
If none did by the end of the run, it begins anew: a result never names best weights that are lost.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from trainer import checkpoint
from trainer.config.model import TrainerConfig
from trainer.corpora.corpus import Corpus
from trainer.errors import Unreadable, UsageError
from trainer.request import BEST_FILE, CHECKPOINT_FILE, METRICS_FILE, PREVIOUS_FILE, UNREADABLE_FILE

# The sections that may differ between a checkpoint's configuration and that of the resumed run.
FREE_ON_RESUME: Final = ("budget", "checkpoint", "deterministic", "device", "threads")


Best = Literal["kept", "in_state", "lost"]


@dataclass(frozen=True, slots=True)
class Resumed:
    """How a run resumed.

    Attributes:
        file: the checkpoint's file name; None if the run begins anew.
        step: the step after which it resumes.
        reason: what was damaged; None if nothing was.
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
    """What a run resumes from.

    Attributes:
        state: of the checkpoint; None if there is none.
        resumed: how the run resumes; None if it is its first attempt.
        best: what has become of the best weights so far: they are there, or not needed; the state has them; or lost.
    """

    state: dict[str, Any] | None
    resumed: Resumed | None
    best: Best = "kept"


NOTHING: Final = Found(None, None)


def find_checkpoint(folder: Path, config: TrainerConfig, corpus: Corpus, num_steps: int) -> Found:
    """Return the newest checkpoint that can be read, together with the files that belong to it.

    If that is not the newest one, the newest one is renamed, so that it does not replace the one before.

    Args:
        num_steps: of the whole run.

    Raises:
        UsageError: the checkpoint belongs to another configuration or text, or is beyond the end of the run.
    """
    found, faults = _newest(folder, config, corpus, num_steps)
    is_newest = found is not None and found.resumed is not None and found.resumed.file == CHECKPOINT_FILE
    if faults and not is_newest:
        _set_aside(folder)
    if found is not None:
        return found
    if faults:
        return Found(None, Resumed(None, 0, "; ".join(faults)))
    metrics = folder / METRICS_FILE
    began = metrics.exists() and metrics.stat().st_size > 0
    return Found(None, Resumed(None, 0)) if began else NOTHING


def _newest(
    folder: Path, config: TrainerConfig, corpus: Corpus, num_steps: int
) -> tuple[Found | None, tuple[str, ...]]:
    """Return the newest checkpoint with its best weights, else the newest one if better ones may follow.

    Returns:
        What was found, if anything, and what is damaged.
    """
    faults: list[str] = []
    without_best: list[tuple[int, Found]] = []
    for name in (CHECKPOINT_FILE, PREVIOUS_FILE):
        path = folder / name
        if not path.exists() and not (name == PREVIOUS_FILE and faults):
            continue
        try:
            state = _load(path, config, corpus, num_steps)
        except Unreadable as error:
            faults.append(error.fault)
            continue
        fault, step, best_step = _best_fault(folder, state), state["progress"]["step"], state["progress"]["best_step"]
        if fault is None:
            return Found(state, Resumed(name, step, faults[0] if faults else None)), tuple(faults)
        faults = [*(each for each in faults if each != fault), fault]
        if best_step == step:
            reason = f"{'; '.join(faults)}, so it is written again from {name}"
            return Found(state, Resumed(name, step, reason), "in_state"), tuple(faults)
        reason = (
            f"{'; '.join(faults)}, so the best weights up to now, those of step {best_step}, are lost, and the run "
            "will begin anew at its end unless better ones follow"
        )
        without_best.append((step, Found(state, Resumed(name, step, reason), "lost")))
    if without_best and without_best[0][0] < num_steps:
        return without_best[0][1], tuple(faults)
    return None, tuple(faults)


def _best_fault(folder: Path, state: dict[str, Any]) -> str | None:
    """Return what is wrong with the best weights of a checkpoint; None if they are sound, or if it has none yet."""
    if state["progress"]["best_step"] == 0:
        return None
    try:
        checkpoint.load(folder / BEST_FILE)
    except Unreadable as error:
        return error.fault
    return None


def _load(path: Path, config: TrainerConfig, corpus: Corpus, num_steps: int) -> dict[str, Any]:
    """Load a checkpoint and check the metrics beside it.

    Raises:
        Unreadable: one of them is damaged.
        UsageError: the checkpoint belongs to another configuration or text, or is beyond the end of the run.
    """
    state = checkpoint.load(path)
    _check_same(path, state, config, corpus)
    _check_reachable(path, state["progress"]["step"], num_steps)
    metrics, expected = path.with_name(METRICS_FILE), state["metrics_bytes"]
    length = metrics.stat().st_size if metrics.exists() else 0
    if length < expected:
        raise Unreadable(f"{metrics}: has {length} bytes, but {path.name} beside it expects at least {expected}")
    return state


def _set_aside(folder: Path) -> None:
    newest = folder / CHECKPOINT_FILE
    if newest.exists():
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


def _check_reachable(path: Path, step: int, num_steps: int) -> None:
    if step > num_steps:
        raise UsageError(
            f"{path}: was saved after step {step}, but the budget is {num_steps} steps now, and training cannot be "
            f"taken back. Use a budget of at least {step} steps, or start in another directory."
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
