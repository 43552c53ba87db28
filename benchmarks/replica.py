"""Predict the core-hours of the 339 trials at CPU scale, as they were run and with cheaper settings.

Trials whose steps take about equally long are a kind. One trial of each of the ten kinds with the most steps is
measured: some steps and an evaluation of 20,000 tokens, by CPU time, the two precisions in turns. A trial's time is
that of its set-up, of its steps, and of as many evaluated tokens as the settings request. BASE stands for the other
kinds, which are few, and FULL for the searches, whose configurations are chosen as they run.
"""

import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import torch

from benchmarks.figures import Figures
from benchmarks.options import Options
from benchmarks.results import say
from sweeper.forecast.footprint import cost_class
from sweeper.planning.plan import PlannedTrial, make_plan
from sweeper.spec.load import load_study
from trainer import loop
from trainer.allocation import keep_freed_memory
from trainer.config import parse
from trainer.config.model import TrainerConfig
from trainer.corpora.corpus import Corpus, load_corpus
from trainer.evaluation import evaluate, sampled_text
from trainer.setup import prepare

STUDY: Final = Path(__file__).parents[1] / "studies" / "results" / "dettmers-339-cpu" / "study.yaml"
PRECISIONS: Final = ("fp32", "mixed")
WARM_UP_STEPS: Final = 4  # until the memory is full
STEPS: Final = 12
ROUNDS: Final = 2
MEASURED: Final = 10  # kinds
SAMPLE: Final = 20_000
SHORT: Final = 208  # steps of the shortest trials
FULL_PHASE: Final = "p5-full"


@dataclass(frozen=True, slots=True)
class Texts:
    """The tokens that a trial evaluates: at each look on the way, and of each text at the end; None for whole texts.

    Attributes:
        final_up_to: the largest number of steps with which a trial evaluates only `final` tokens at the end.
    """

    look: int | None = None
    final: int | None = None
    final_up_to: int = 0

    def tokens(self, steps: int, looks: int, valid: int, test: int) -> int:
        """Return the evaluated tokens of a trial; at the end, those of the last and of the best weights."""
        if self.look is None:
            return looks * valid + test
        cut = self.final if self.final is not None and steps <= self.final_up_to else valid + test
        return looks * min(self.look, valid) + 2 * min(cut, valid) + min(cut, test)


SETTINGS: Final = {
    "as written: fp32, whole texts": ("fp32", Texts()),
    "mixed, whole texts": ("mixed", Texts()),
    "mixed, looks at 4,000 tokens, whole texts at the end": ("mixed", Texts(4_000)),
    "the same, but at the end of trials of 208 steps 20,000 tokens of each text": ("mixed", Texts(4_000, 20_000, 208)),
    "the same, but at the end of all trials 20,000 tokens of each text": ("mixed", Texts(4_000, 20_000, 10**6)),
}


@dataclass(frozen=True, slots=True)
class Seconds:
    """CPU seconds of a trial's parts in one precision."""

    setup: float
    step: float
    token: float


@dataclass(slots=True)
class Kind:
    """Trials whose steps take equally long.

    Attributes:
        steps: of each trial.
        seconds: by precision.
    """

    config: Mapping[str, Any]
    steps: list[int]
    seconds: dict[str, Seconds]
    valid: int = 0
    test: int = 0

    @property
    def corpus(self) -> str:
        """The name of the corpus."""
        return str(self.config["data"]["corpus"])

    @property
    def drops(self) -> bool:
        """Whether there is any regularization."""
        return any(self.config["regularization"].values())


def measure(options: Options) -> Figures:
    """Return hours and shares of evaluation by setting, and the seconds of each kind."""
    keep_freed_memory()
    torch.set_num_threads(1)
    kinds = kinds_of_trials()
    number = 4 if options.quick else MEASURED  # of which two are BASE, on each corpus
    for place, kind in enumerate(kinds[:number], 1):
        say(f"{place} of {number}: {len(kind.steps)} trials, {sum(kind.steps)} steps")
        measure_kind(kind)
    for kind in kinds[number:]:
        base = next(each for each in kinds[:number] if not each.drops and each.corpus == kind.corpus)
        kind.seconds, kind.valid, kind.test = base.seconds, base.valid, base.test
    return {
        "trials": sum(len(kind.steps) for kind in kinds),
        "kinds": number,
        "measured_share": sum(sum(kind.steps) for kind in kinds[:number]) / sum(sum(kind.steps) for kind in kinds),
        "settings": [summary(name, kinds, *setting) for name, setting in SETTINGS.items()],
    }


def kinds_of_trials() -> list[Kind]:
    """Return the kinds of the study's trials, that with the most steps first."""
    study = load_study(STUDY)
    found: dict[str, Kind] = {}
    for trial, config in configs(make_plan(study).trials):
        drops = any(config["regularization"].values())
        key = json.dumps([cost_class(study.trial.program, config), drops, config["data"]["noise"]])
        kind = found.setdefault(key, Kind(config, [], {}))
        kind.steps.append(int(trial.budget.amount))
    return sorted(found.values(), key=lambda each: -sum(each.steps))


def configs(trials: tuple[PlannedTrial, ...]) -> Iterator[tuple[PlannedTrial, Mapping[str, Any]]]:
    """Yield each trial and its configuration, or that of FULL on the same corpus."""
    full = {(each.configuration or {})["corpus"]: each.config for each in trials if each.phase == FULL_PHASE}
    for trial in trials:
        corpus = "ptb" if trial.phase.endswith("ptb") else "wikitext-2-replica"
        config = trial.config if trial.config is not None else full[corpus]
        assert config is not None
        yield trial, config


def measure_kind(kind: Kind) -> None:
    """Measure a kind in each precision, in turns."""
    rounds: dict[str, list[Seconds]] = {precision: [] for precision in PRECISIONS}
    plain = parse({**kind.config, "budget": {"steps": 1_000}})
    corpus = load_corpus(plain.data)
    kind.valid, kind.test = len(corpus.valid) - 1, len(corpus.test) - 1
    for _ in range(ROUNDS):
        for precision in PRECISIONS:
            config = plain.model_copy(update={"precision": precision})
            rounds[precision].append(_measure(config, corpus))
    for precision, found in rounds.items():
        parts = ([each.setup for each in found], [each.step for each in found], [each.token for each in found])
        kind.seconds[precision] = Seconds(*(median(part) for part in parts))


def _measure(config: TrainerConfig, corpus: Corpus) -> Seconds:
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        load_corpus(config.data)
        run = prepare(config, corpus, Path(folder), torch.device("cpu"), resume=False)
        setup = time.process_time() - start
        for _ in range(WARM_UP_STEPS):
            loop._step(run)
        start = time.process_time()
        for _ in range(STEPS):
            loop._step(run)
        step = (time.process_time() - start) / STEPS
        target_length, memory_length = config.evaluation_lengths
        text = sampled_text(corpus.valid, config.evaluation.batch_size, SAMPLE, torch.Generator().manual_seed(0))
        start = time.process_time()
        evaluate(run.model, text, target_length=target_length, memory_length=memory_length)
        token = (time.process_time() - start) / text.num_tokens
        run.log.close()
    return Seconds(setup, step, token)


def summary(name: str, kinds: list[Kind], precision: str, texts: Texts) -> dict[str, str | float]:
    """Return the core-hours of all trials, and the share of evaluation in those of 208 steps and in all."""
    total, evaluating = 0.0, 0.0
    short, short_evaluating = 0.0, 0.0
    for kind in kinds:
        seconds, looks = kind.seconds[precision], kind.config["evaluation"]["times"]
        for steps in kind.steps:
            part = seconds.token * texts.tokens(steps, looks, kind.valid, kind.test)
            whole = seconds.setup + seconds.step * steps + part
            total, evaluating = total + whole, evaluating + part
            if steps == SHORT:
                short, short_evaluating = short + whole, short_evaluating + part
    return {
        "settings": name,
        "hours": total / 3600,
        "evaluating": evaluating / total,
        "evaluating_in_short_trials": short_evaluating / short if short else 0.0,
    }
