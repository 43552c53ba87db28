"""Find options that have no effect beside the values of others, although their kind has them.

They are not refused, since a factor may vary the other value: `decayed` beside weight decays of 0 and 0.1.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from trainer.config.model import TrainerConfig
from trainer.config.optimizer import LastConfig
from trainer.config.wording import Problem, shown

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """An option that is set, and whether it has an effect.

    Attributes:
        value: of the option.
        is_met: whether it has an effect.
        why_not: why it has none if it has none, and what to do.
        lack: what it has instead, before ``why_not``; few options that are idle change nothing at all of a run.
    """

    path: Path
    value: object
    is_met: bool
    why_not: str
    lack: str = "has no effect with"

    @property
    def problem(self) -> Problem:
        """The message about an option without effect."""
        return Problem(self.path, f"{shown(self.value)} {self.lack} {self.why_not}")


def idle_options(config: TrainerConfig) -> list[Problem]:
    """Return a message about each option of a configuration that has no effect."""
    return [each.problem for each in conditions(config) if not each.is_met]


def idle_in_run(config: TrainerConfig, num_tokens: int, num_steps: int) -> list[Problem]:
    """Return messages about options that have no effect, or less, because the text or the run is short.

    Args:
        num_tokens: of the training text.
        num_steps: of the run.
    """
    of_length = [each.problem for each in conditions_in_run(config, num_steps) if not each.is_met]
    return [*_idle_offsets(config, num_tokens), *of_length]


def conditions_in_run(config: TrainerConfig, num_steps: int) -> Iterator[Condition]:
    """Yield the options that are set and whose effect depends on the length of the run."""
    average, evaluations = config.optimizer.average, len(config.evaluation.steps(num_steps))
    if isinstance(average, LastConfig):
        only = "the only evaluation" if evaluations == 1 else f"all {evaluations} evaluations"
        run = f"a run of {num_steps:,} step{'' if num_steps == 1 else 's'}"
        why = f"{only} of {run}. Use a smaller number, or evaluate more often."
        path = ("optimizer", "average", "last")
        yield Condition(path, average.last, average.last <= evaluations, why, lack="averages")


def _idle_offsets(config: TrainerConfig, num_tokens: int) -> list[Problem]:
    data = config.data
    stream = num_tokens // data.batch_size
    if data.target_offsets is None or data.target_length - 1 + data.target_offsets < stream:
        return []
    why = (
        f"streams of {stream} tokens in segments of {data.target_length}: no word so far ahead is left after the first "
        "segment. Use a smaller number, or a smaller data.target_length."
    )
    return [Condition(("data", "target_offsets"), data.target_offsets, False, why, "has little effect with").problem]


def conditions(config: TrainerConfig) -> Iterator[Condition]:
    """Yield the options that are set and whose effect depends on the values of others."""
    data, optimizer = config.data, config.optimizer
    if optimizer.decayed is not None:
        why = "optimizer.weight_decay 0. Set a weight decay, e.g. 0.1, or leave it out."
        yield Condition(("optimizer", "decayed"), optimizer.decayed, optimizer.weight_decay > 0.0, why)
    if data.noise != "none":
        yield _noise(config)
    if data.micro_batch_size is not None:
        why = f"data.batch_size {data.batch_size}, which is smaller. Use a smaller number, or leave it out."
        yield Condition(
            ("data", "micro_batch_size"), data.micro_batch_size, data.micro_batch_size <= data.batch_size, why
        )
    yield from _of_models(config)


def _noise(config: TrainerConfig) -> Condition:
    """Return the condition of a kind of noise; at rate 0, `blank` still adds its special word to the vocabulary."""
    data = config.data
    remedy = "Set a rate, e.g. 0.2, or use none."
    lack, why = "has no effect with", f"data.noise_rate 0: no word is replaced. {remedy}"
    if data.noise == "blank":
        only = "and only adds its special word to the vocabulary, so that other weights are drawn"
        lack, why = "replaces no word with", f"data.noise_rate 0, {only}. {remedy}"
    return Condition(("data", "noise"), data.noise, data.noise_rate > 0.0, why, lack)


def _of_models(config: TrainerConfig) -> Iterator[Condition]:
    model, is_deep = config.model, config.model.layers > 1
    longest = max(config.context_length, sum(config.evaluation_lengths)) - 1
    if model.clamp_length is not None:
        why = f"distances of at most {longest}. Use a smaller number, or leave it out."
        yield Condition(("model", "clamp_length"), model.clamp_length, model.clamp_length < longest, why)
    if model.kind == "gpt3":
        why = "model.layers 1: only every second layer of gpt3 is sparse. Use more layers, or leave it out."
        if model.attention_pattern != "band":
            yield Condition(("model", "attention_pattern"), model.attention_pattern, is_deep, why)
        if model.attention_width is not None:
            is_shorter = model.attention_width < config.context_length
            if is_deep:
                why = f"a context of {config.context_length} tokens. Use a smaller number, or leave it out."
            yield Condition(("model", "attention_width"), model.attention_width, is_deep and is_shorter, why)
    if model.kind == "awd_lstm":
        if model.d_inner not in (None, model.model_copy(update={"d_inner": None}).inner_width):  # not as resolved
            why = "model.layers 1: the last layer of awd_lstm has the width d_model. Use more layers, or leave it out."
            yield Condition(("model", "d_inner"), model.d_inner, is_deep, why)
        if config.regularization.dropout > 0.0:
            why = "model.layers 1: in awd_lstm, it drops features between layers. Use more layers, or set it to 0."
            yield Condition(("regularization", "dropout"), config.regularization.dropout, is_deep, why)
