"""Claims at best lengths whose runs are one length each, because their metric is measured once."""

from collections.abc import Iterator

from sweeper.spec.claim import phases_of
from sweeper.spec.configurations import baseline_config
from sweeper.spec.study import Study
from trainer.config.metrics import measured_at_the_end
from trainer.config.wording import Path as KeyPath


def single_lengths(study: Study) -> Iterator[tuple[KeyPath, str]]:
    """Yield the claims at best lengths for which a run of the built-in trainer is one length only."""
    if not study.trial.is_trainer:
        return
    for index, claim in enumerate(study.claims):
        name, named = claim.metric.name, phases_of(claim.statement)
        configs = [baseline_config(study, phase) for phase in study.phases if phase.name in named]
        if claim.is_at_best_length and all(measured_at_the_end(name, config) for config in configs):
            remedy = "Set evaluation: {test: each_look}" if name.startswith("test_") else "Remove evaluation.tokens"
            yield (
                ("claims", index),
                f"{name} is measured only at the end of a run, so a run is one length, and the best length is one of "
                f"several budgets, if there are several. {remedy}, and every evaluation is a length.",
            )
