"""`sweeper.read`: the runs of another tool in Python, with messages that name its arguments."""

from collections.abc import Sequence
from typing import get_args

from sweeper.errors import UsageError
from sweeper.importing.arguments import named_as_arguments
from sweeper.importing.frame import column_names
from sweeper.importing.reading import POINTS, ImportedRuns, Wanted, form_of, read_runs
from sweeper.importing.source_runs import FORMS, Form
from sweeper.spec.entries.values import checked_name
from sweeper.spec.metric import Direction, Scale
from trainer.config.wording import suggestion


def read(
    source: str,
    *,
    metric: str,
    form: Form | None,
    name: str,
    direction: Direction | None,
    scale: Scale | None,
    value: str,
    seed: str | None,
    factors: Sequence[str] | None,
    strata: Sequence[str] | None,
    only: str | None,
) -> ImportedRuns:
    """Return the runs of a source. The arguments and errors are those of `sweeper.read`."""
    given = {"metric": metric, "name": name, "seed": seed, "only": only}
    for argument, text in given.items():
        if text is not None and not isinstance(text, str):
            raise UsageError(f"{argument}: {text!r} is not a text. Use e.g. {argument}='x'.")
    _check_one_of("form", form, FORMS)
    _check_one_of("direction", direction, get_args(Direction))
    _check_one_of("scale", scale, get_args(Scale))
    _check_one_of("value", value, tuple(POINTS))
    try:
        checked_name(name)
    except ValueError as error:
        raise UsageError(f"name: {error}") from error
    wanted = Wanted(
        metric=metric,
        direction=direction,
        scale=scale,
        value=POINTS[value],
        seed=seed,
        factors=column_names(factors, "factors"),
        strata=column_names(strata, "strata") or (),
        only=only,
    )
    with named_as_arguments():
        return read_runs(form or form_of(source), source, wanted, name=name)


def _check_one_of(argument: str, value: object, known: Sequence[str]) -> None:
    if value is None or value in known:
        return
    near = suggestion(value, known) if isinstance(value, str) else ""
    raise UsageError(f"{argument}: {value!r} is not one of {', '.join(known)}.{near}")
