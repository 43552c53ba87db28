"""Names of configurations: what reports and verdicts call an arm, without what reads study files."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sweeper.designs.factor import Factors
from sweeper.designs.levels import Level, level_key, same_level
from sweeper.spec.phase import Phase
from sweeper.spec.study import Study

Arms = Mapping[str, Mapping[str, Level]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmNames:
    """The arms of a study, by which configurations are called.

    Attributes:
        arms: by name the levels that are not at the baseline.
        factors: by whose baselines levels count.
        phases: by name those that may have baselines of their own.
        strata: factors whose levels do not make a configuration another one, unless its arm names them.
    """

    arms: Arms = field(default_factory=dict)
    factors: Factors = field(default_factory=dict)
    phases: Mapping[str, Phase] = field(default_factory=dict)
    strata: tuple[str, ...] = ()

    @classmethod
    def of(cls, study: Study) -> "ArmNames":
        """Return those of a study."""
        phases = {phase.name: phase for phase in study.phases} if study.arms else {}
        return cls(arms=study.arms, factors=study.factors, phases=phases, strata=study.strata)

    def name(self, levels: Mapping[str, Level], phase: str | None = None) -> str | None:
        """Return the name of a configuration, see `arm_name`."""
        if not self.arms:
            return None
        changed = self._changed(levels, phase)
        for name, wanted in self.arms.items():
            own = self._changed(wanted, phase)
            if own == {factor: key for factor, key in changed.items() if factor in own or factor not in self.strata}:
                return name
        return None

    def rest(self, levels: Mapping[str, Level], phase: str | None = None) -> dict[str, Level]:
        """Return the levels of a configuration that its name does not say: for an arm, those of strata."""
        name = self.name(levels, phase)
        said = {} if name is None else self.arms[name]
        return {
            factor: level
            for factor, level in levels.items()
            if factor not in said and (name is None or factor in self.strata)
        }

    def _changed(self, levels: Mapping[str, Level], phase: str | None) -> dict[str, str]:
        """Return the levels that are not the baseline, by their keys."""
        found, of_phase = {}, self.phases.get(phase) if phase is not None else None
        for name, level in levels.items():
            factor = self.factors.get(name)
            if factor is not None and of_phase is not None:
                factor = of_phase.adapt(factor)
            if factor is None or not same_level(level, factor.baseline):
                found[name] = level_key(level)
        return found


def arm_name(study: Study, levels: Mapping[str, Level], phase: str | None = None) -> str | None:
    """Return the name of the arm that a configuration is; None if the study does not name it.

    Args:
        levels: of all factors, or of those that are not at their baselines; a stratum does not count, unless the arm
            names it.
        phase: where the configuration runs, if the phase has baselines of its own.
    """
    return ArmNames.of(study).name(levels, phase)
