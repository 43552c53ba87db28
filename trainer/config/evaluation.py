"""The evaluation's section of a configuration: at which steps, and on how much text."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from trainer.config.section import Count, Section
from trainer.config.wording import shown, suggestion


class GeometricConfig(Section):
    """Steps that grow by a factor."""

    first: Count = Field(description="The first step to evaluate at, e.g. 100.")
    ratio: Annotated[float, Field(ge=1.01, le=100.0)] = Field(description="Factor from one to the next, e.g. 1.41.")

    def steps_below(self, num_steps: int) -> Iterator[int]:
        """Yield first, first x ratio, first x ratio^2, …, each rounded, below `num_steps`."""
        if self.first >= num_steps:
            return  # before it becomes a float, which has an end
        step = float(self.first)
        while round(step) < num_steps:
            yield round(step)
            step *= self.ratio


def _checked_test(value: object) -> object:
    """Return when the test text is read.

    Raises:
        ValueError: it is neither a truth value nor each_look.
    """
    if isinstance(value, bool) or value == "each_look":
        return value
    meant = suggestion(value, ["each_look"]) if isinstance(value, str) else ""
    raise ValueError(f"{shown(value)} is not true, false or each_look.{meant}")


class EvaluationConfig(Section):
    """When and how the model is evaluated."""

    times: Count | None = Field(
        20,
        description="Number of evaluations in a run, evenly spaced, whatever its length, e.g. 20. Absent or null with "
        "every_steps or geometric.",
    )
    every_steps: Count | None = Field(None, description="Evaluate after every N steps, e.g. 400, and at the end.")
    geometric: GeometricConfig | None = Field(
        None,
        description="Evaluate at steps that grow by a factor, and at the end, e.g. {first: 100, ratio: 1.41}; runs of "
        "any length share these steps.",
    )
    batch_size: Count = Field(10, description="Number of streams of text that evaluation reads in parallel, e.g. 10.")
    log_times: Count = Field(
        100, description="Number of lines with the training loss in a run, whatever its length, e.g. 100."
    )
    target_length: Count | None = Field(
        None, description="Number of tokens that an evaluation step predicts in each stream; by default that of data."
    )
    memory_length: Annotated[int, Field(ge=0)] | None = Field(
        None, description="Number of earlier tokens that evaluation carries; by default model.memory_length."
    )
    tokens: Annotated[float, Field(gt=0.0)] | None = Field(
        None,
        description="Number of validation tokens to predict in evaluations on the way, e.g. 20000, or their share, "
        "below 1, e.g. 0.2; at the end the whole text is evaluated. By default, and with 1, every evaluation reads the "
        "whole text.",
    )
    final_tokens: Count | None = Field(
        None,
        description="Number of tokens of the validation and of the test text to predict at the end, e.g. 50000, for "
        "runs so short that whole texts take longer than training; by default all.",
    )
    test: Annotated[bool | Literal["each_look"], BeforeValidator(_checked_test)] = Field(
        True,
        description="Evaluate the best checkpoint on the test text at the end. With each_look, every evaluation reads "
        "the test text too, so that the test is known at any length of a run; nothing is chosen by it.",
    )

    @model_validator(mode="before")
    @classmethod
    def _default_times(cls, given: object) -> object:
        """Let evaluations be evenly spaced only if the configuration says nothing else."""
        if not isinstance(given, Mapping):
            return given
        others = [given.get(name) for name in ("every_steps", "geometric")]
        if any(other is not None for other in others):
            return {"times": None, **given}
        return {name: value for name, value in given.items() if name != "times" or value is not None}

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = [name for name in ("times", "every_steps", "geometric") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} exclude each other. Keep one, and set the others to null.")
        if self.tokens is not None and self.tokens > 1.0 and not self.tokens.is_integer():
            raise ValueError(f"tokens = {self.tokens} is neither a share, up to 1, nor an integer. Use e.g. 20000.")
        for name, wanted in (("tokens", self.tokens if self.samples else None), ("final_tokens", self.final_tokens)):
            if wanted is not None and 1.0 < wanted < self.batch_size:
                raise ValueError(
                    f"{name} = {wanted:g} is less than batch_size = {self.batch_size}: each stream would predict one "
                    f"word without any before it. Use fewer streams, or more tokens."
                )
        if self.test == "each_look" and self.samples:
            raise ValueError(
                f"test: each_look needs evaluations of the whole validation text, but tokens = {self.tokens:g}. Remove "
                "tokens, or use test: true."
            )
        return self

    @property
    def samples(self) -> bool:
        """Whether evaluations on the way read only a part of the text."""
        return self.tokens is not None and self.tokens != 1.0

    def looked_at(self, total: float) -> float:
        """Return how many of the tokens of the validation text evaluations on the way predict, at most all."""
        wanted = 1.0 if self.tokens is None else self.tokens
        return min(total, wanted if wanted > 1.0 else wanted * total)

    def steps(self, num_steps: int) -> frozenset[int]:
        """Return the steps of a run after which it is evaluated, the last one included."""
        if self.every_steps is not None:
            return frozenset({*range(self.every_steps, num_steps, self.every_steps), num_steps})
        if self.geometric is not None:
            return frozenset({*self.geometric.steps_below(num_steps), num_steps})
        assert self.times is not None, "one of the three is given"
        return evenly_spaced(num_steps, self.times)


def evenly_spaced(num_steps: int, times: int) -> frozenset[int]:
    """Return the steps after which to act `times` times in a run, evenly spaced and including the last step."""
    times = min(times, num_steps)
    return frozenset(-(-number * num_steps // times) for number in range(1, times + 1))
