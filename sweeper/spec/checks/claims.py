"""Checks of claims: their form, what they expect, and that the phases can answer them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sweeper.spec.checks.statements import check_statement
from sweeper.spec.checks.study import check_metric
from sweeper.spec.claim import FORMS, ClaimForm, Expectation, Margin
from sweeper.spec.entries.claims import ClaimEntry
from sweeper.spec.error_collector import ErrorCollector
from sweeper.spec.sections import Sections
from sweeper.spec.yaml_source import KeyPath
from trainer.config.wording import shown

EXPECTATIONS: Final[Mapping[ClaimForm, tuple[Expectation, ...]]] = {
    "contrast": ("decrease", "increase", "no_worse"),
    "interaction": ("decrease", "increase"),
    "constant": ("below", "above", "equal"),
    "ordering": (),
    "equivalence": (),
}


def check_claims(sections: Sections, errors: ErrorCollector) -> None:
    """Note the mistakes of claims."""
    _check_ids(sections, errors)
    for index, claim in sections.claim_entries.items():
        here: KeyPath = ("claims", index)
        if claim.metric is not None:
            check_metric(sections, claim.metric, (*here, "metric"), errors)
        forms = claim.forms
        if len(forms) != 1:
            what = f"has {' and '.join(forms)}" if forms else "states nothing"
            errors.add(here, f"{what}. Give one of {', '.join(FORMS)}.")
            continue
        if not errors.blames((*here, "expect")):
            for where, message in _faults(claim, forms[0]):
                errors.add((*here, *where), message)
        check_statement(sections, claim.statement, (*here, forms[0]), errors)


def _check_ids(sections: Sections, errors: ErrorCollector) -> None:
    claims = sections.data.get("claims")
    seen: set[str] = set()
    for index, item in enumerate(claims if isinstance(claims, list) else []):
        name = item.get("id") if isinstance(item, dict) else None
        if isinstance(name, str):
            if name.casefold() in seen:
                errors.add(("claims", index, "id"), f"{shown(name)} is an earlier claim's id. Give each claim its own.")
            seen.add(name.casefold())


def _faults(claim: ClaimEntry, form: ClaimForm) -> Iterator[tuple[KeyPath, str]]:
    """What is wrong with what a claim expects, and by how much."""
    allowed = EXPECTATIONS[form]
    if not allowed and claim.expect is not None:
        yield ("expect",), f"{claim.expect!r} does nothing in {_article(form)}. Remove expect."
    elif allowed and claim.expect is None:
        yield ("expect",), f"is missing. {_article(form).capitalize()} expects {_either(allowed)}."
    elif allowed and claim.expect not in allowed:
        yield ("expect",), f"{claim.expect!r} is not what {_article(form)} can expect. Write {_either(allowed)}."
    needs_margin = form == "equivalence" or claim.expect in ("no_worse", "equal")
    if needs_margin and claim.within is None:
        what = form if form == "equivalence" else f"expect: {claim.expect}"
        yield ("within",), f"is missing. {what} needs the margin that counts as small, e.g. within: 1%."
    if claim.within is not None and not needs_margin and not (form == "constant" and claim.expect):
        yield ("within",), f"{shown(claim.within)} does nothing here. Remove it; the least effect is at_least."
    if claim.within is not None and _is_zero(claim.within) and (form == "equivalence" or claim.expect == "equal"):
        yield ("within",), f"{shown(claim.within)} leaves no margin, within which nothing can be shown. Write e.g. 1%."
    if not _is_zero(claim.at_least) and (form in ("ordering", "constant", "equivalence") or claim.expect == "no_worse"):
        instead = "Remove it." if form == "ordering" else "Remove it; the margin is within."
        yield ("at_least",), f"{shown(claim.at_least)} does nothing here. {instead}"


def _is_zero(margin: Margin) -> bool:
    return float(margin.rstrip("%")) == 0 if isinstance(margin, str) else margin == 0


def _article(form: str) -> str:
    return f"an {form}" if form[0] in "aeio" else f"a {form}"


def _either(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
