"""Describe a trainer's configuration without loading PyTorch: names, types, ranges, defaults, and costs.

>>> resolve({"model": {"layers": 4}})["model"]["layers"]
4
>>> resolve({"model": {"layers": "four"}})
Traceback (most recent call last):
...
trainer.config.wording.ConfigError: model.layers: 'four' is not a whole number. Model depth counts layers, e.g. [2, 4].
"""

from trainer.config.cost import VOCABULARY_SIZES, num_steps, training_flops
from trainer.config.evaluation import EvaluationConfig
from trainer.config.hardware import bf16_flag
from trainer.config.metrics import METRICS
from trainer.config.model import (
    BudgetConfig,
    DataConfig,
    ModelConfig,
    RegularizationConfig,
    TrainerConfig,
)
from trainer.config.optimizer import OptimizerConfig
from trainer.config.reading import json_schema, parse, resolve
from trainer.config.texts import text_problems
from trainer.config.wording import ConfigError, Problem, problems_of, suggestion

__all__ = [
    "METRICS",
    "VOCABULARY_SIZES",
    "BudgetConfig",
    "ConfigError",
    "DataConfig",
    "EvaluationConfig",
    "ModelConfig",
    "OptimizerConfig",
    "Problem",
    "RegularizationConfig",
    "TrainerConfig",
    "bf16_flag",
    "json_schema",
    "num_steps",
    "parse",
    "problems_of",
    "resolve",
    "suggestion",
    "text_problems",
    "training_flops",
]
