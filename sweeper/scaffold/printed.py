"""The metrics that a script reports, guessed from the texts in its calls of print and its like, or of its loggers."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sweeper.execution.slots.numerals import without_escapes
from sweeper.spec.patterns import NUMBER

PRINTERS: Final = frozenset({"print", "info", "write", "echo", "log", "debug", "warning", "rprint", "secho", "cprint"})
STYLERS: Final = frozenset(  # calls that return their text in color
    {"colored", "style", "color", "colorize", "stylize", "bold", "red", "green", "yellow", "blue", "magenta", "cyan"}
)
METRICS: Final = frozenset(
    {
        *(
            "loss",
            "acc",
            "acc1",
            "accuracy",
            "ppl",
            "perplexity",
            "error",
            "err",
            "f1",
            "auc",
            "score",
            "reward",
            "bleu",
        ),
        *("rouge", "mse", "rmse", "mae", "nll", "bpc", "bpb", "iou", "miou", "wer", "cer", "logloss", "return", "map"),
    }
)
HIGHER: Final = frozenset(
    {"acc", "acc1", "accuracy", "f1", "auc", "score", "reward", "bleu", "rouge", "iou", "miou", "return", "map"}
)
STEPS: Final = ("step", "steps", "iter", "iters", "iteration", "epoch")
RANKS: Final = (("valid", "validation", "val", "dev", "eval"), ("test",))
LABEL: Final = re.compile(r"([A-Za-z][A-Za-z0-9_./@-]*(?: +[A-Za-z][A-Za-z0-9_./@-]*){0,2})(\s*[:=]?\s*)$")
PERCENT: Final = re.compile(r"%(?:\(\w+\))?[-+ #0]*\d*(?:\.\d+)?[a-zA-Z]")
BRACES: Final = re.compile(r"\{[^{}]*\}")
VALUE: Final = "\0"  # in a template, where a value is printed
STYLE: Final = re.compile(rf"(?:\x1b|{VALUE})\[[0-9;{VALUE}]+m")  # a color, of which a part may be a value
TRAINER: Final = re.compile(  # the arguments of Transformers' Trainer, and of those that TRL makes of it
    r"\b(?:transformers|trl)\b[\s\S]*\b(?:\w*TrainingArguments|(?:SFT|DPO|GRPO|KTO|ORPO|RLOO|Reward)Config)\b"
)

Place = Literal["output", "event files", "Lightning's CSV", "the Trainer's state"]


@dataclass(frozen=True, slots=True)
class Printed:
    """What a script prints on the line with its metric, or what its logger writes.

    Attributes:
        metric: the one by which trials may be compared.
        patterns: of it, of other metrics beside it, and of the step; or the scalars, columns or keys.
        place: where they are.
    """

    metric: str
    patterns: dict[str, str]
    place: Place = "output"

    @property
    def direction(self) -> str:
        """Whether higher values are better, as of accuracies."""
        return "maximize" if set(_words(self.metric)) & HIGHER else "minimize"


def printed(sources: Sequence[str]) -> Printed | None:
    """Return the metrics that scripts print or, if no text looks like one, write; None if there are neither."""
    best: Printed | None = None
    for source in sources:
        for template in _templates(source):
            found = _patterns(template)
            names = [name for name in found if name != "step"]
            if not names:
                continue
            name = min(names, key=_rank)
            if best is None or _rank(name) < _rank(best.metric):
                best = Printed(name, found)
    return best or _written(sources)


def _written(sources: Sequence[str]) -> Printed | None:
    calls = [call for source in sources for call in _calls(source)]
    written: tuple[tuple[Place, list[ast.Call]], ...] = (
        ("event files", [call for call in calls if _name(call.func) == "add_scalar"]),
        ("Lightning's CSV", [call for call in calls if _is_lightning(call)]),
    )
    for place, found in written:
        tags = sorted({tag for call in found if (tag := _first_text(call)) and set(_words(tag)) & METRICS})
        if tags:
            names = {_metric_name(tag.split("/")): tag for tag in tags}
            return Printed(min(names, key=_rank), names, place)
    if any(TRAINER.search(source) for source in sources):
        return Printed("eval_loss", {"eval_loss": "eval_loss"}, "the Trainer's state")
    return None


def _calls(source: str) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))


def _is_lightning(call: ast.Call) -> bool:
    """Return whether a call is a LightningModule's ``self.log("val/loss", loss)``, which prints nothing."""
    match call.func:
        case ast.Attribute(value=ast.Name(id="self"), attr="log"):
            return len(call.args) > 1 and _first_text(call) != ""
    return False


def _first_text(call: ast.Call) -> str:
    match call.args:
        case [ast.Constant(value=str(text)), *_]:
            return text
    return ""


def _metric_name(words: Sequence[str]) -> str:
    return re.sub(r"[^\w.-]+", "_", "_".join(word.strip("_.-") for word in words)).strip("_.-").lower()


def _rank(name: str) -> int:
    words = _words(name)
    for rank, wanted in enumerate(RANKS):
        if set(words) & set(wanted):
            return rank
    return len(RANKS) + ("train" in words or "training" in words)


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", text.lower()) if word]


def _templates(source: str) -> Iterator[str]:
    """Yield the text of each printing call, with a mark for each value."""
    for call in _calls(source):
        if _name(call.func) in PRINTERS and not _is_lightning(call):
            yield without_escapes(STYLE.sub("", " ".join(_template(argument) for argument in call.args)))


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _template(node: ast.expr) -> str:
    if isinstance(node, ast.Call) and _name(node.func) in STYLERS and node.args:
        node = node.args[0]
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_template(value) for value in values)
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod()):
            return PERCENT.sub(VALUE, text)
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
            return BRACES.sub(VALUE, text)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _template(left) + _template(right)
    return VALUE


def _patterns(template: str) -> dict[str, str]:
    """Return the patterns of a template's metrics by name, and of its step."""
    found: dict[str, str] = {}
    parts = template.split(VALUE)
    for before in parts[:-1]:
        label = LABEL.search(before)
        if label is None:
            continue
        words = label[1].split()
        if words[-1].lower() in STEPS:
            found.setdefault("step", _pattern(words[-1:], label[2]))
        elif set(_words(label[1])) & METRICS:
            found.setdefault(_metric_name(words), _pattern(words, label[2]))
    return found


def _pattern(words: Sequence[str], separator: str) -> str:
    sign = re.escape(separator.strip())
    gap = rf"\s*{sign}\s*" if sign else r"\s+" if separator else r"\s*"
    return rf"{chr(92) + 's+'}".join(map(re.escape, words)) + gap + NUMBER
