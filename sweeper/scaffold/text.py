"""The text of a proposed study file, with a remark wherever something was guessed."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

from sweeper.scaffold.printed import Printed
from sweeper.scaffold.proposal import Proposal, ProposedFactor
from sweeper.spec.argument_lists import passed_by_name
from sweeper.spec.unfilled import CHANGE_ME

PLAIN: Final = re.compile(r"[A-Za-z_][\w.-]*")
NO_TEXT: Final = re.compile(r"true|false|null|nan|inf|yes|no|on|off", re.IGNORECASE)
LONGEST_HELP: Final = 70
# What must hold of a program for its metrics to be in a file of the trial's directory, and where they are there.
FILES: Final[Mapping[str, tuple[str, str]]] = {
    "event files": (
        "The scalars that it writes, if its event files are in the trial's directory:",
        'from: tensorboard, in: "{run_dir}"',
    ),
    "Lightning's CSV": (
        "What it logs, if it has a CSVLogger that writes into the trial's directory:",
        'from: csv, file: "{run_dir}/**/metrics.csv"',
    ),
    "the Trainer's state": (
        "What the Trainer logs at evaluations (eval_strategy); written whenever it saves a checkpoint:",
        'from: json, file: "{run_dir}/**/trainer_state.json", path: log_history',
    ),
}
GUESS: Final = Printed("valid_loss", {"step": "step {number}", "valid_loss": "valid_loss {number}"})


def study_text(proposal: Proposal, study: str, file: str) -> str:
    """Return a study file.

    Args:
        study: the study's name.
        file: the study file's name.
    """
    metrics = proposal.metrics or GUESS
    parts = [
        *_head(proposal, study, file),
        *_metric(proposal, metrics),
        "trial:",
        "  program:",
        f"    command: [{', '.join(_command(proposal))}]",
        *_sources(metrics),
        "  config:                            # what {args} and {overrides} pass, and each trial sets",
        *_config(proposal),
        "",
        "factors:                             # what varies: levels around the defaults; change them to your question",
        *_factors(proposal),
        "",
        "phases:",
        *_phases(proposal),
        "",
        *_claims(proposal, metrics),
    ]
    return "\n".join(parts).rstrip() + "\n"


def advice_on(proposal: Proposal) -> str:
    """Return what the user should look at before anything else."""
    todo = []
    if proposal.metrics is None:
        todo.append("metric and metrics (no call of print looked like one)")
    if proposal.unknown:
        todo.append(f"config: {', '.join(proposal.unknown)}")
    if not proposal.chosen:
        todo.append("factors")
    if not proposal.has_seed:
        todo.append("the seed (no flag looks like one)")
    return f"Fill in {', '.join(todo)}" if todo else "Look at metric, factors and claims"


def _head(proposal: Proposal, study: str, file: str) -> Iterator[str]:
    path = proposal.script.path
    yield f"# A study of {path}, from its flags. Check it with `sweeper plan {file}`; run it with `sweeper launch`."
    yield f"study: {_scalar(study)}"
    yield "description: What question does the study answer? Printed on the report's first page."
    yield ""


def _metric(proposal: Proposal, metrics: Printed) -> Iterator[str]:
    if proposal.metrics is None:
        what = "the metric by which trials are compared, and the patterns below that find it in the output."
        yield f"# {CHANGE_ME}: {what}"
    else:
        does = "prints" if metrics.place == "output" else "logs"
        yield f"# Guessed from what {proposal.script.path} {does}: is it what trials are to be compared by?"
    yield f"metric: {{name: {_scalar(metrics.metric)}, direction: {metrics.direction}}}"
    yield ""


def _sources(metrics: Printed) -> Iterator[str]:
    pairs = [f"{_scalar(name)}: {_quoted(text)}" for name, text in metrics.patterns.items()]
    if metrics.place == "output":
        yield "    metrics:                         # what its output has; also from files, see docs/your-script.md"
        yield from (f"      {pair}" for pair in pairs)
        return
    condition, source = FILES[metrics.place]
    yield f"    # {condition}"
    yield f"    metrics: {{{source}, {', '.join(pairs)}}}"


def _command(proposal: Proposal) -> list[str]:
    script = proposal.script
    words = [script.interpreter, str(script.path)]
    if script.is_hydra:
        return [*map(_scalar, words), '"hydra.run.dir={run_dir}"', '"{overrides}"']
    whole = set(proposal.values) > passed_by_name(proposal.arguments)
    return [*map(_scalar, words), *map(_scalar, proposal.arguments), *(['"{args}"'] if whole else [])]


def _config(proposal: Proposal) -> Iterator[str]:
    tree: dict[str, object] = {}
    for name, found in proposal.values.items():
        *sections, last = name.split(".")
        inner = tree
        for section in sections:
            inner = inner.setdefault(section, {})  # type: ignore[assignment]
        inner[last] = found
    yield from _tree(tree, "    ")
    if proposal.left_out:
        yield f"    # Without a default, or with several values, so left out: {', '.join(proposal.left_out)}"


def _tree(tree: Mapping[str, object], indent: str) -> Iterator[str]:
    for name, found in tree.items():
        if isinstance(found, tuple):
            value, help_text = found
            line = f"{indent}{_scalar(name)}: {_scalar(value)}"
            remark = "the script needs a value" if value == CHANGE_ME else help_text[:LONGEST_HELP]
            yield f"{line:<36} # {remark}" if remark else line
        elif isinstance(found, Mapping):
            yield f"{indent}{_scalar(name)}:"
            yield from _tree(found, f"{indent}  ")


def _factors(proposal: Proposal) -> Iterator[str]:
    for factor in proposal.chosen:
        yield f"  {_factor(factor)}"
    if not proposal.chosen:
        yield f"  # {CHANGE_ME}: no flag has a default to vary, e.g. lr: {{path: lr, levels: [0.01, 0.03]}}"
    for factor in proposal.others:
        yield f"  # {_factor(factor)}"


def _factor(factor: ProposedFactor) -> str:
    levels = ", ".join(_scalar(level) for level in factor.levels)
    return f"{_scalar(_factor_name(factor))}: {{path: {_scalar(factor.name)}, levels: [{levels}]}}"


def _factor_name(factor: ProposedFactor) -> str:
    return factor.name.replace("/", "-")


def _phases(proposal: Proposal) -> Iterator[str]:
    seeds = "seeds: 3" if proposal.has_seed else "seeds: 1"
    budget = f", budget: {{{proposal.budget[0]}: {proposal.budget[1]}}}" if proposal.budget is not None else ""
    yield "  # The baseline, and every other level of one factor at a time."
    yield f"  - {{name: screen, design: one_at_a_time, {seeds}{budget}}}"


def _claims(proposal: Proposal, metrics: Printed) -> Iterator[str]:
    if not proposal.chosen:
        return
    factor = proposal.chosen[0]
    to = next(level for level in reversed(factor.levels) if level != factor.baseline)
    better, expect = ("raises", "increase") if metrics.direction == "maximize" else ("lowers", "decrease")
    yield "claims:                              # what the study should show; `sweeper claims` prints the verdicts"
    name = _factor_name(factor)
    yield f"  - id: {_scalar(re.sub(r'[^A-Za-z0-9-]+', '-', name).strip('-') + '-helps')}"
    yield f"    text: {_quoted(f'{name} {to} instead of {factor.baseline} {better} {metrics.metric}.')}"
    yield (
        f"    contrast: {{phase: screen, factor: {_scalar(name)}, from: {_scalar(factor.baseline)}, to: {_scalar(to)}}}"
    )
    yield f"    expect: {expect}"


def _scalar(value: object) -> str:
    if isinstance(value, str) and PLAIN.fullmatch(value) and not NO_TEXT.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
