"""From a study file to a checked study, or to every mistake in it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from sweeper.errors import MistakesError
from sweeper.spec import yaml_source
from sweeper.spec.checks.arms import check_arms, check_strata
from sweeper.spec.checks.claims import check_claims
from sweeper.spec.checks.commands import check_command, check_config_placeholders, check_environment, check_sources
from sweeper.spec.checks.configs import check_configs
from sweeper.spec.checks.factors import check_factors
from sweeper.spec.checks.phases import check_phases
from sweeper.spec.checks.study import check_study
from sweeper.spec.checks.values import check_values
from sweeper.spec.claims_from_entries import claim_of
from sweeper.spec.config_file import file_of, with_config_file
from sweeper.spec.error_collector import ErrorCollector
from sweeper.spec.from_entries import decide_of, trial_of
from sweeper.spec.price import parsed_price
from sweeper.spec.sections import Sections, read_sections
from sweeper.spec.study import Assumed, Keep, Resources, Retry, Study
from sweeper.spec.yaml_source import Source

CHECKS: Final = (
    check_study,
    check_factors,
    check_configs,
    check_command,
    check_sources,
    check_environment,
    check_config_placeholders,
    check_phases,
    check_strata,
    check_arms,
    check_claims,
)


def load_study(path: Path) -> Study:
    """Read and check a study file.

    Raises:
        MistakesError: with every mistake in the file, each at its line and column.
    """
    return _study(yaml_source.load(path), path)


def parse_study(text: str, name: str = "study.yaml", *, config: Mapping[str, Any] | None = None) -> Study:
    """Check a study given as text; `name` is its file in messages.

    Args:
        config: the content of the configuration file that the text may name; None to read the file.

    Raises:
        MistakesError: with every mistake in the text, each at its line and column.
    """
    return _study(yaml_source.parse(text, name), Path(name), config)


def _study(source: Source, path: Path, config: Mapping[str, Any] | None = None) -> Study:
    errors = ErrorCollector(source)
    if not isinstance(source.data, dict):
        errors.add((), "a study is a mapping of keys to values. Begin with a line such as `study: quickstart`.")
        raise MistakesError(errors.found)
    data = with_config_file(source.data, path, errors, config)
    check_values(data, errors)
    sections = read_sections(data, errors, config_file=file_of(source.data))
    for check in CHECKS:
        check(sections, errors)
    if errors.found:
        raise MistakesError(errors.found)
    return _typed(sections, source.text, path)


def _typed(sections: Sections, text: str, path: Path) -> Study:
    """Return the study of a file without mistakes."""
    file = sections.file
    assert file is not None
    factors = sections.factors
    metric, trial = sections.metric, trial_of(file.trial)
    if trial.cwd is not None:
        trial = replace(trial, cwd=str((path.absolute().parent / trial.cwd).resolve()))
    assert metric is not None
    metrics = sections.claim_metrics
    return Study(
        name=file.study,
        description=file.description,
        seed=file.seed,
        published=tuple(file.published),
        metric=metric,
        trial=trial,
        resources=Resources(**file.resources.model_dump()),
        device_hours=file.budget.device_hours,
        price=parsed_price(file.price_per_device_hour),
        retry=Retry(**file.retry.model_dump()),
        keep=Keep(**file.keep.model_dump()),
        on_finish=tuple(tuple(command) for command in file.on_finish),
        assume=Assumed(sd=file.assume.sd, effects=dict(file.assume.effects)),
        decide=decide_of(file.decide),
        factors=factors,
        phases=tuple(sections.phases.values()),
        claims=tuple(
            claim_of(claim, metrics[claim.metric_name or metric.name], factors, sections.arms) for claim in file.claims
        ),
        own_strata=None if file.strata is None else tuple(file.strata),
        arms=sections.arms,
        source=text,
        path=path,
    )
