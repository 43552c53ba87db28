"""Know which options an architecture, an optimizer or a noise lacks, and refuse them instead of ignoring them.

An option has the same path for every kind that has it, and one default, in its section. For a kind that lacks it, it
must be absent, null, or at the value that switches it off, such as a dropout of 0; it is then left out of the
configuration. So one factor can vary the kind even if options differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from trainer.config.wording import Problem, dotted, shown

Path = tuple[str, ...]

TRANSFORMERS: Final = ("transformer_xl", "gpt2", "gpt3", "modern_gpt")
ADAM: Final = ("adam", "adamw", "muon")
NOISES: Final = ("blank", "unigram", "uniform", "bigram_kneser_ney")
# The keys that choose a kind, and their defaults.
SWITCHES: Final = {
    ("data", "noise"): "none",
    ("model", "kind"): "transformer_xl",
    ("optimizer", "kind"): "adam",
    ("optimizer", "schedule"): "cosine",
}

# Options that are left out of a configuration while they have these values. They are newer than stores and checkpoints
# whose configurations must stay the same.
LEFT_OUT: Final[Mapping[Path, object]] = {
    ("data", "noise_weight"): None,
    ("data", "random_noise_rate"): False,
    ("data", "target_offsets"): None,
    ("regularization", "stochastic_depth"): 0.0,
    ("optimizer", "average"): None,
    ("optimizer", "decayed"): None,
    ("evaluation", "times"): None,
    ("evaluation", "every_steps"): None,
    ("evaluation", "geometric"): None,
    ("evaluation", "tokens"): None,
    ("evaluation", "final_tokens"): None,
}
# Kinds that no limit names, because they have no option of their own.
OTHER_KINDS: Final = ("none", "sgd", "cosine", "linear", "constant")


@dataclass(frozen=True, slots=True)
class Limit:
    """The kinds for which an option has an effect.

    Attributes:
        switch: the key that chooses the kind.
        kinds: the kinds that have the option.
        off: the value that switches the option off; None if only leaving it out does.
    """

    switch: Path
    kinds: tuple[str, ...]
    off: object = None


def _for_models(*kinds: str, off: object = None) -> Limit:
    return Limit(("model", "kind"), kinds, off)


def _for_optimizers(*kinds: str) -> Limit:
    return Limit(("optimizer", "kind"), kinds)


LIMITS: Final[Mapping[Path, Limit]] = {
    ("data", "random_target_length"): _for_models("transformer_xl", "awd_lstm", off=False),
    ("data", "target_offsets"): _for_models(*TRANSFORMERS),
    ("data", "random_noise_rate"): Limit(("data", "noise"), NOISES, off=False),
    ("data", "noise_weight"): Limit(("data", "noise"), NOISES),
    ("model", "heads"): _for_models(*TRANSFORMERS),
    ("model", "d_head"): _for_models(*TRANSFORMERS),
    ("model", "memory_length"): _for_models(*TRANSFORMERS),
    ("model", "pre_norm"): _for_models("transformer_xl"),
    ("model", "same_length"): _for_models("transformer_xl", off=False),
    ("model", "clamp_length"): _for_models("transformer_xl"),
    ("model", "adaptive_cutoffs"): _for_models("transformer_xl", off=[]),
    ("model", "attention_pattern"): _for_models("gpt3"),
    ("model", "attention_width"): _for_models("gpt3"),
    ("regularization", "attention_dropout"): _for_models(*TRANSFORMERS, off=0.0),
    ("regularization", "stochastic_depth"): _for_models(*TRANSFORMERS, off=0.0),
    ("regularization", "weight_dropout"): _for_models("awd_lstm", off=0.0),
    ("regularization", "activation_regularization"): _for_models("awd_lstm", off=0.0),
    ("regularization", "temporal_activation_regularization"): _for_models("awd_lstm", off=0.0),
    ("optimizer", "beta1"): _for_optimizers(*ADAM),
    ("optimizer", "beta2"): _for_optimizers(*ADAM),
    ("optimizer", "epsilon"): _for_optimizers(*ADAM),
    ("optimizer", "momentum"): _for_optimizers("muon"),
    ("optimizer", "nonmonotone_interval"): _for_optimizers("nt_asgd"),
    ("optimizer", "average"): _for_optimizers(*ADAM, "sgd"),  # nt_asgd has its own
    ("optimizer", "cooldown_fraction"): Limit(("optimizer", "schedule"), ("wsd",)),
    ("evaluation", "memory_length"): _for_models(*TRANSFORMERS),
}


def chosen_kinds(config: Mapping[str, Any]) -> dict[Path, object]:
    """Return the value of each switch, valid or not."""
    return {switch: _at(config, switch, default) for switch, default in SWITCHES.items()}


def lacking(kinds: Mapping[Path, object]) -> list[Path]:
    """Return the options that the kinds lack; an invalid kind lacks none."""
    known = (
        *OTHER_KINDS,
        *(kind for limit in LIMITS.values() for kind in limit.kinds),
    )  # no set: a value may be a list
    return [
        path
        for path, limit in LIMITS.items()
        if kinds[limit.switch] in known and kinds[limit.switch] not in limit.kinds
    ]


def existing_options(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration without the options that its kinds lack, and without newer ones that change nothing."""
    nothing = [path for path, value in LEFT_OUT.items() if _at(config, path, value) == value]
    return _without(config, [*lacking(chosen_kinds(config)), *nothing])


def given_options(config: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Return a user's configuration without the options that its kinds lack, and a problem for each that is set.

    Where the kind has the option, null means its default.
    """
    kinds = chosen_kinds(config)
    absent = lacking(kinds)
    problems = [
        Problem(path, _refusal(value, LIMITS[path], kinds))
        for path in absent
        if (value := _at(config, path, None)) is not None and not _is_off(value, LIMITS[path].off)
    ]
    return _without(config, [*absent, *(path for path in LIMITS if _at(config, path, 0) is None)]), problems


def _without(config: Mapping[str, Any], paths: list[Path]) -> dict[str, Any]:
    kept = {name: dict(value) if isinstance(value, Mapping) else value for name, value in config.items()}
    for section, name in paths:
        if isinstance(kept.get(section), dict):
            kept[section].pop(name, None)
    return kept


def _refusal(value: object, limit: Limit, kinds: Mapping[Path, object]) -> str:
    kind, others = kinds[limit.switch], ", ".join(limit.kinds)
    off = "null" if limit.off is None else f"{shown(limit.off)} or null"
    return (
        f"{shown(value)} has no effect with {dotted(limit.switch)} {kind}: only {others} can use it. "
        f"Remove it, or set it to {off}."
    )


def _is_off(value: object, off: object) -> bool:
    if isinstance(off, bool) or isinstance(value, bool):
        return value is off
    return off is not None and value == off


def _at(config: Mapping[str, Any], path: Path, default: object) -> Any:
    section, name = path
    inner = config.get(section)
    return inner.get(name, default) if isinstance(inner, Mapping) else default
