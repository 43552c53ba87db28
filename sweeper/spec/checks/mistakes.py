"""All checks between the parts of a study file."""

from sweeper.spec.checks.claims import check_claims
from sweeper.spec.checks.commands import check_command
from sweeper.spec.checks.configs import check_configs
from sweeper.spec.checks.factors import check_factors
from sweeper.spec.checks.phases import check_phases
from sweeper.spec.checks.study import check_study
from sweeper.spec.complaints import Complaints
from sweeper.spec.parts import Parts


def check(parts: Parts, complaints: Complaints) -> None:
    """Note every mistake that no section shows by itself, as far as the sections can be read."""
    for check_part in (check_study, check_factors, check_configs, check_command, check_phases, check_claims):
        check_part(parts, complaints)
