"""Checks of claims: their form, what they expect, and that the phases can answer them."""

from collections.abc import Iterator
from typing import Any

from sweeper.spec.checks.statements import check_statement
from sweeper.spec.checks.study import check_metric
from sweeper.spec.claims import FORMS, Claim
from sweeper.spec.complaints import Complaints
from sweeper.spec.parts import Parts
from sweeper.spec.yaml_source import KeyPath
from trainer.config.wording import shown

EXPECTATIONS = {
    "contrast": ("decrease", "increase", "no_worse"),
    "interaction": ("decrease", "increase"),
    "constant": ("below", "above", "equal"),
    "ordering": (),
    "equivalence": (),
}


def check_claims(parts: Parts, complaints: Complaints) -> None:
    """Note the mistakes of claims."""
    _check_ids(parts, complaints)
    for place, claim in parts.claims.items():
        here: KeyPath = ("claims", place)
        if claim.metric is not None:
            check_metric(parts, claim.metric, (*here, "metric"), complaints)
        forms = [form for form in FORMS if getattr(claim, form) is not None]
        if len(forms) != 1:
            what = f"has {' and '.join(forms)}" if forms else "states nothing"
            complaints.add(here, f"{what}. Give one of {', '.join(FORMS)}.")
            continue
        if not complaints.blames((*here, "expect")):
            for where, message in _faults(claim):
                complaints.add((*here, *where), message)
        check_statement(parts, getattr(claim, claim.form), (*here, claim.form), complaints)


def _check_ids(parts: Parts, complaints: Complaints) -> None:
    claims = parts.data.get("claims")
    seen: set[str] = set()
    for place, item in enumerate(claims if isinstance(claims, list) else []):
        name = item.get("id") if isinstance(item, dict) else None
        if isinstance(name, str):
            if name.casefold() in seen:
                complaints.add(
                    ("claims", place, "id"), f"{shown(name)} is an earlier claim's id. Give each claim its own."
                )
            seen.add(name.casefold())


def _faults(claim: Claim) -> Iterator[tuple[KeyPath, str]]:
    """What is wrong with what a claim expects, and by how much."""
    form, allowed = claim.form, EXPECTATIONS[claim.form]
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


def _is_zero(margin: Any) -> bool:
    return float(margin.rstrip("%")) == 0 if isinstance(margin, str) else margin == 0


def _article(form: str) -> str:
    return f"an {form}" if form[0] in "aeio" else f"a {form}"


def _either(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
