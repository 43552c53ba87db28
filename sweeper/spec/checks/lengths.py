"""Checks of claims that compare configurations at their own best lengths."""

from sweeper.spec.checks.known_configurations import known_rows
from sweeper.spec.claim import ArmContrast, ArmInteraction, Statement, no_best_length
from sweeper.spec.claims_from_entries import claim_of
from sweeper.spec.entries.claims import ClaimEntry
from sweeper.spec.error_collector import ErrorCollector
from sweeper.spec.metric import Metric
from sweeper.spec.sections import Sections
from trainer.config.wording import Path as KeyPath


def check_lengths(sections: Sections, claim: ClaimEntry, metric: Metric, here: KeyPath, errors: ErrorCollector) -> None:
    """Report what a claim without other mistakes cannot be compared by."""
    typed = claim_of(claim, metric, sections.factors, sections.arms)
    if claim.at is None:
        if typed.is_at_best_length and _compares_budgets(sections, typed.statement):
            errors.add(
                here,
                "would compare best lengths (metric.value), but the configurations are the same at other lengths. Use "
                "at: same_length.",
            )
        elif typed.is_at_best_length and _adds_seeds(sections):
            errors.add(
                here,
                "would compare best lengths (metric.value), which change with every seed that is added until claims "
                "are decided. Use at: same_length, or a fixed number of seeds.",
            )
        return
    reason = no_best_length(typed.form, typed.statement)
    if reason is None and _compares_budgets(sections, typed.statement):
        reason = "compares the same configurations at other lengths"
    if typed.form == "divergence":
        errors.add((*here, "at"), f"{claim.at} has no effect: the claim {reason}. Remove at.")
    elif claim.at == "best_length" and reason is not None:
        errors.add((*here, "at"), f"best_length is not possible: the claim {reason}. Remove at.")
    elif claim.at == "best_length" and _adds_seeds(sections):
        errors.add(
            (*here, "at"),
            "best_length is not possible where seeds are added until claims are decided: the best length changes with "
            "them. Use a fixed number of seeds, e.g. seeds: 4.",
        )


def _compares_budgets(sections: Sections, statement: Statement) -> bool:
    """Return whether the configurations of both sides are the same, with what the baseline says of them filled in."""
    match statement:
        case ArmInteraction(first=first, second=second):
            sides = [known_rows(sections, [each.start, each.to]) for each in (first, second)]
        case ArmContrast(start=start, to=to):
            sides = [known_rows(sections, [each]) for each in (start, to)]
        case _:
            return False
    rows = [None if side is None else [row for _, row in side] for side in sides]
    return rows[0] is not None and rows[0] == rows[1]


def _adds_seeds(sections: Sections) -> bool:
    return any(phase.adaptive is not None for phase in sections.phases.values())
