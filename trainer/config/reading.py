"""Turn plain data into a checked configuration, and back into plain data with every default filled in."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from trainer.config.kinds import LIMITS, given_options
from trainer.config.model import TrainerConfig
from trainer.config.wording import ConfigError, Problem, problems_of, shown

BYTES: Final = 256


def parse(config: Mapping[str, object]) -> TrainerConfig:
    """Check a configuration.

    Raises:
        ConfigError: the configuration has errors; it holds all of them.
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
    """Return problems that involve more than one section."""
    problems, optimizer = [], config.optimizer
    if optimizer.kind in ("sgd", "nt_asgd") and "learning_rate" not in optimizer.model_fields_set:
        problems.append(
            Problem(("optimizer", "learning_rate"), f"is missing: {optimizer.kind} has no default. Set one, e.g. 30.")
        )
    data = config.data
    if data.corpus == "pydocs" and data.folder is not None:
        problem = (
            f"{shown(data.folder)} has no effect with data.corpus pydocs, which needs no files. For your own text, use "
            "data.corpus: folder; else remove it."
        )
        problems.append(Problem(("data", "folder"), problem))
    if data.tokenization == "bpe" and data.vocabulary_size is not None and data.vocabulary_size < BYTES:
        problem = f"{data.vocabulary_size} is too few for bpe, where every byte is a token. Use {BYTES} or more."
        problems.append(Problem(("data", "vocabulary_size"), problem))
    if config.model.same_length and config.evaluation_lengths[1] == 0:
        problem = "0 with model.same_length leaves no token to attend to. Use e.g. 32, or same_length: false."
        problems.append(Problem(("evaluation", "memory_length"), problem))
    trained, evaluated = config.context_length, sum(config.evaluation_lengths)
    if config.model.kind in ("gpt2", "gpt3") and evaluated > trained:
        problems.append(
            Problem(
                ("evaluation",),
                f"target_length + memory_length = {evaluated} exceeds the {trained} tokens for which "
                f"{config.model.kind} learns positions (data.target_length + model.memory_length). "
                "Use a shorter context here, or train with a longer one.",
            )
        )
    return problems


def resolve(config: Mapping[str, object]) -> dict[str, Any]:
    """Return the complete configuration as JSON values, without seed and budget unless they are given.

    Raises:
        ConfigError: the configuration has errors; it holds all of them.
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
    """Return the JSON schema of a configuration; options that some kinds lack may be null."""
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
