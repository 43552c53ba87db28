"""Plain data to a checked configuration, and back to plain data with every default filled in."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from trainer.config.kinds import LIMITS, given_options
from trainer.config.model import TrainerConfig
from trainer.config.wording import ConfigError, Problem, problems_of

BYTES: Final = 256


def parse(config: Mapping[str, object]) -> TrainerConfig:
    """Check a configuration.

    Raises:
        ConfigError: with every mistake in it.
    """
    given, problems = given_options(config)
    try:
        checked = TrainerConfig.model_validate(given)
    except ValidationError as error:
        raise ConfigError([*problems, *problems_of(error, TrainerConfig)]) from error
    problems += _joint_problems(checked)
    if problems:
        raise ConfigError(problems)
    return checked


def _joint_problems(config: TrainerConfig) -> list[Problem]:
    """Mistakes that take more than one section to see."""
    problems, optimizer = [], config.optimizer
    if optimizer.kind in ("sgd", "nt_asgd") and "learning_rate" not in optimizer.model_fields_set:
        problems.append(
            Problem(("optimizer", "learning_rate"), f"is missing: {optimizer.kind} has no default. Give one, e.g. 30.")
        )
    data = config.data
    if data.tokenization == "bpe" and data.vocabulary_size is not None and data.vocabulary_size < BYTES:
        problem = f"{data.vocabulary_size} is too few for bpe, where every byte is a token. Use {BYTES} or more."
        problems.append(Problem(("data", "vocabulary_size"), problem))
    trained, evaluated = config.context_length, sum(config.evaluation_lengths)
    if config.model.kind in ("gpt2", "gpt3") and evaluated > trained:
        problems.append(
            Problem(
                ("evaluation",),
                f"target_length + memory_length = {evaluated} is a longer context than the {trained} tokens that "
                f"{config.model.kind} learns positions for (data.target_length + model.memory_length). "
                "Make it shorter, or train with a longer one.",
            )
        )
    return problems


def resolve(config: Mapping[str, object]) -> dict[str, Any]:
    """The complete configuration, as JSON values, without seed and budget unless they are given.

    Raises:
        ConfigError: with every mistake in it.
    """
    checked = parse(config)
    document = checked.model_dump(mode="json")
    for name, width in (("d_head", checked.model.head_width), ("d_inner", checked.model.inner_width)):
        if name in document["model"]:
            document["model"][name] = width
    for name in ("seed", "budget"):
        if name not in config:
            del document[name]
    return document


def json_schema() -> dict[str, Any]:
    """The JSON schema of a configuration; null is allowed where it stands for a default that some kinds lack."""
    schema = TrainerConfig.model_json_schema()
    for section, name in LIMITS:
        owner = TrainerConfig.model_fields[section].annotation
        option = schema["$defs"][getattr(owner, "__name__", "")]["properties"][name]
        if "anyOf" not in option:
            described = {key: option.pop(key) for key in ("default", "description", "title") if key in option}
            value = dict(option)
            option.clear()
            option.update(described, anyOf=[value, {"type": "null"}])
    return schema
