"""Plain data to a checked configuration, and back to plain data with every default filled in."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from trainer.config.model import TrainerConfig
from trainer.config.wording import ConfigError, problems_of


def parse(config: Mapping[str, object]) -> TrainerConfig:
    """Check a configuration.

    Raises:
        ConfigError: with every mistake in it.
    """
    try:
        return TrainerConfig.model_validate(dict(config))
    except ValidationError as error:
        raise ConfigError(problems_of(error, TrainerConfig)) from error


def resolve(config: Mapping[str, object]) -> dict[str, Any]:
    """The complete configuration, as JSON values, without seed and budget unless they are given.

    Raises:
        ConfigError: with every mistake in it.
    """
    checked = parse(config)
    document = checked.model_dump(mode="json")
    document["model"] |= {"d_head": checked.model.head_width, "d_inner": checked.model.inner_width}
    for name in ("seed", "budget"):
        if name not in config:
            del document[name]
    return document


def json_schema() -> dict[str, Any]:
    """The JSON schema of a configuration."""
    return TrainerConfig.model_json_schema()
