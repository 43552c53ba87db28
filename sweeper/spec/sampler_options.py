"""Options of Optuna's samplers that a study file can give: those whose values are plain."""

from collections.abc import Mapping
from typing import Final

from trainer.config.wording import shown, suggestion

# From the signatures of optuna.samplers (5.0); a test compares them. sweeper gives the seed.
OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "tpe": ("consider_endpoints", "prior_weight", "n_startup_trials", "n_ei_candidates", "multivariate", "group",
            "constant_liar"),
    "random": (),
    "gp": ("n_startup_trials", "deterministic_objective"),
    "cmaes": ("x0", "sigma0", "n_startup_trials", "popsize", "use_separable_cma", "with_margin", "lr_adapt",
              "consider_pruned_trials"),
    "qmc": (),
    "nsgaii": ("population_size", "mutation_prob", "crossover_prob", "swapping_prob"),
    "nsgaiii": ("population_size", "mutation_prob", "crossover_prob", "swapping_prob", "dividing_parameter"),
}  # fmt: skip


def option_fault(sampler: str, option: str) -> str:
    """What is wrong with an option's name; nothing if the sampler has it."""
    known = OPTIONS[sampler]
    if option in known:
        return ""
    if not known:
        return f"{shown(option)} is unknown: sampler {sampler} takes no options. Remove it."
    near = suggestion(option, known)
    return f"{shown(option)} is not an option of sampler {sampler}.{near} Its options: {', '.join(known)}."
