"""The optimizer's section of a configuration."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from trainer.config.section import Count, Rate, Section

Schedule = Literal["cosine", "linear", "wsd", "constant"]


class LastConfig(Section):
    """The mean of the weights at the last evaluations."""

    last: Annotated[int, Field(ge=2, le=100)] = Field(description="Number of evaluations to average over, e.g. 5.")


def _form_of_average(value: object) -> str:
    return "last" if isinstance(value, Mapping | LastConfig) else "decay"


Average = Annotated[
    Annotated[Annotated[float, Field(gt=0.0, lt=1.0)], Tag("decay")] | Annotated[LastConfig, Tag("last")],
    Discriminator(_form_of_average),
]


class OptimizerConfig(Section):
    """The optimizer and its schedule."""

    kind: Literal["adam", "adamw", "muon", "sgd", "nt_asgd"] = Field(
        "adam",
        description="adam, sgd and nt_asgd add weight decay to the gradient (L2); adamw and muon decouple it. muon "
        "orthogonalizes the updates of the layers' matrices and is adamw for all else. nt_asgd averages its weights "
        "once validation stops improving.",
    )
    learning_rate: Annotated[float, Field(gt=0.0, le=100.0)] = Field(
        0.002, description="Peak learning rate, above 0, e.g. 3.5e-4; sgd and nt_asgd have no default, e.g. 30."
    )
    weight_decay: Annotated[float, Field(ge=0.0, le=10.0)] = Field(
        0.0,
        description="Weight decay, at least 0, e.g. 1.2e-6. With adamw and muon, a step first multiplies the weights "
        "by 1 - learning rate x weight decay, e.g. 0.1 or, on little text, 1.6.",
    )
    decayed: Literal["all", "matrices"] | None = Field(
        None,
        description="Which weights decay: all, the default, or only matrices, embeddings included, and no norms and "
        "biases.",
    )
    beta1: Rate = Field(0.9, description="Decay rate of the gradient's mean, from 0 to below 1.")
    beta2: Rate = Field(0.999, description="Decay rate of the gradient's second moment, from 0 to below 1.")
    epsilon: Annotated[float, Field(gt=0.0)] = Field(1e-8, description="Added to the denominator, above 0.")
    momentum: Rate = Field(0.95, description="Decay rate of muon's momentum, from 0 to below 1.")
    nonmonotone_interval: Count = Field(
        5, description="nt_asgd averages once a validation loss exceeds the best of those N or more evaluations older."
    )
    average: Average | None = Field(
        None,
        description="Evaluate an average of the weights beside the weights themselves: an exponential mean with this "
        "decay per step, e.g. 0.99, or {last: 5} for the mean of those at the last 5 evaluations.",
    )
    schedule: Schedule = Field(
        "cosine",
        description="Learning-rate schedule after warm-up: cosine and linear fall to 0 at the end of the run, wsd is "
        "constant and falls linearly to 0 over the last cooldown_fraction of the steps.",
    )
    warmup_fraction: Annotated[float, Field(ge=0.0, le=1.0)] = Field(
        0.024, description="Fraction of the steps over which the learning rate rises from 0, from 0 to 1."
    )
    cooldown_fraction: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        0.2, description="Fraction of the steps over which wsd lowers the learning rate to 0, above 0, up to 1."
    )
    clip: Annotated[float, Field(gt=0.0)] | None = Field(
        0.25, description="Maximum norm of the gradient, above 0; null for no limit."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.schedule == "wsd" and self.warmup_fraction + self.cooldown_fraction > 1.0:
            raise ValueError(
                f"warmup_fraction + cooldown_fraction = {self.warmup_fraction + self.cooldown_fraction:g} exceeds 1. "
                "Use a smaller one, e.g. cooldown_fraction: 0.2."
            )
        return self
