"""The titles of figures of factors: which help, matter, explain or interact most, and where."""

import functools
import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from reports import wording
from reports.figures.effects_axis import Finding
from reports.sections.estimates import change_text
from reports.sections.title_words import NAMED, WORSE, cut, on_blocks, plural, sentence

LEAST: Final = 1e-9  # of a share, below which it is none


def sizes_title(findings: Mapping[str, Mapping[int, Finding]]) -> str:
    """Say up to which amount of data configurations help, e.g. ``dropout = 0.1 helps only below 300,000 tokens``.

    Args:
        findings: by configuration and amount of data, in tokens, what its effect shows with all of them considered.
    """
    said = {name: _size_pattern(dict(sorted(found.items()))) for name, found in findings.items()}
    counts = Counter(said.values())
    parts = []
    for phrase, _ in counts.most_common(2):  # of equal counts, the one of the first configuration
        names = [name for name, own in said.items() if own == phrase]
        one, many = phrase
        if len(said) > NAMED and len(names) > 1:
            parts.append(f"{len(names)} of {len(said)} configurations {many}")
        else:
            parts.append(f"{wording.listed(names[:NAMED])} {one if len(names) == 1 else many}")
    return sentence("; ".join(parts))


def _size_pattern(found: Mapping[int, Finding]) -> tuple[str, str]:
    """Return what is said of one configuration, in the singular and in the plural.

    It helps *only* at some amounts if it is shown to make the metric worse at all others.
    """
    sizes = list(found)
    better = [size for size in sizes if found[size] == "better"]
    worse = [size for size in sizes if found[size] == "worse"]
    only = "only " if len(better) + len(worse) == len(sizes) else ""
    if better == sizes:
        return "helps at every amount of data", "help at every amount of data"
    if worse == sizes:
        return "makes it worse at every amount of data", "make it worse at every amount of data"
    if better and better == sizes[: len(better)]:
        edge = f"{only}below {wording.grouped(sizes[len(better)])} tokens"
        return f"helps {edge}", f"help {edge}"
    if better and better == sizes[-len(better) :]:
        edge = f"{only}from {wording.grouped(better[0])} tokens on"
        return f"helps {edge}", f"help {edge}"
    if worse and worse == sizes[-len(worse) :]:
        edge = f"from {wording.grouped(worse[0])} tokens on"
        return f"makes it worse {edge}", f"make it worse {edge}"
    return "has no clear effect", "have no clear effect"


def ablation_title(
    whole: str,
    steps: Sequence[tuple[str, float, Finding]],
    *,
    percent: bool,
    left_out: bool,
    where: str = "",
    unmeasured: int = 0,
) -> str:
    """Say which components matter, how many do not matter measurably, and how many could not be measured.

    Args:
        whole: what the components are left out of, or added to.
        steps: by component the change of the metric and what is shown with all of them considered, in their order.
        left_out: whether they were left out, so that a needed one makes the metric worse.
        where: the stratum; empty if there is one only.
        unmeasured: components without a change, because runs are missing.
    """
    wanted: Finding = "worse" if left_out else "better"
    total = len(steps) + unmeasured
    matter = [step for step in steps if step[2] == wanted]
    against = [step[0] for step in steps if step[2] == ("better" if left_out else "worse")]
    rest = len(steps) - len(matter) - len(against)
    lost = f"{unmeasured} of {total} could not be measured" if unmeasured else ""
    if not steps:
        said = [f"no {'component' if left_out else 'step'} of {whole} could be measured"]
    elif not matter:
        nothing = f"no {f'component of {whole} is missed' if left_out else f'step of {whole} gains'} measurably"
        worse = f"without {wording.listed(against[:NAMED])} it is better" if left_out else plural(against, WORSE)
        said = [nothing, worse if against else "", lost]
    else:
        none = f"{rest} of {total} {'makes' if rest == 1 else 'make'} no measurable difference" if rest else ""
        said = [
            _mattering(matter, total, percent=percent, left_out=left_out),
            plural(against, WORSE) if against else "",
            none,
            lost,
        ]
    place = f"{on_blocks([where])}, " if where else ""
    return sentence(place + "; ".join(part for part in said if part))


def _mattering(steps: Sequence[tuple[str, float, Finding]], total: int, *, percent: bool, left_out: bool) -> str:
    """Name the components that matter, with their changes; of many only that with the largest one."""
    by_size = sorted(steps, key=lambda step: -abs(step[1]))
    without = "without" if left_out else "with"
    sizes = wording.listed([change_text(change, percent=percent) for _, change, _ in by_size[:NAMED]])
    if len(steps) == 1:
        return f"{cut(steps[0][0])} matters ({sizes} {without} it)"
    if len(steps) <= NAMED:
        return f"{wording.listed([cut(name) for name, *_ in by_size])} matter ({sizes} {without} them)"
    size = change_text(by_size[0][1], percent=percent)
    return f"{len(steps)} of {total} matter, {cut(by_size[0][0])} with the largest change ({size} {without} it)"


def importance_title(phase: str, strata: Mapping[str, Mapping[str, float]]) -> str:
    """Say which factor explains most of a phase's variance in each stratum; a single one ``""`` without strata."""
    known = {name: {key: share for key, share in own.items() if not math.isnan(share)} for name, own in strata.items()}
    largest = _largest(known, lambda share: f"{100 * share:.0f}%")
    if not largest:
        return f"No factor explains the results of {phase}"
    is_most = all(max(known[name].values()) > 0.5 for name in largest)
    words = "explains most" if is_most else "has the largest share"
    return _by_stratum(largest, f"{words} of the variance in {cut(phase)}")


def attribution_title(
    phase: str, strata: Mapping[str, Mapping[str, float]], shown: Collection[str], *, percent: bool
) -> str:
    """Say which factor has the largest share of the gain of all together, in each stratum.

    Args:
        shown: the factors whose effects are shown; others are not named.
    """
    text = functools.partial(change_text, percent=percent)
    if not _largest(strata, text):
        return f"No factor contributes to the results of {phase}"
    clear = {name: {key: share for key, share in own.items() if key in shown} for name, own in strata.items()}
    largest = _largest(clear, text)
    if not largest:
        return sentence(f"in {cut(phase)}, no share of the gain can be distinguished from zero")
    return _by_stratum(largest, f"has the largest share of the gain in {cut(phase)}")


def interactions_title(
    phase: str, strata: Mapping[str, Mapping[tuple[str, ...], tuple[float, Finding | None]]], *, percent: bool
) -> str:
    """Say which two factors interact most in each stratum, of those whose interactions can be distinguished from zero.

    Args:
        strata: by stratum and pair of factors the interaction, and what its interval shows that holds for all
            interactions of the figure at once; None without an interval.
    """
    shown = [found for own in strata.values() for _, found in own.values()]
    if all(found is None for found in shown):
        return f"The interactions in {cut(phase)} cannot be tested"
    most = {}
    for name, own in strata.items():
        clear = {pair: value for pair, (value, found) in own.items() if found in ("better", "worse")}
        if clear:
            one, two = max(clear, key=lambda pair: abs(clear[pair]))
            most[name] = f"{cut(one)} with {cut(two)}", change_text(clear[one, two], percent=percent)
    if not most:
        return sentence(f"in {cut(phase)}, no interaction can be distinguished from zero")
    return _by_stratum(most, f"interacts most in {cut(phase)}")


def _largest(strata: Mapping[str, Mapping[str, float]], text: Callable[[float], str]) -> dict[str, tuple[str, str]]:
    """Return by stratum the name with the largest share and the share's text, if it is above 0."""
    found = {}
    for stratum, shares in strata.items():
        name = max(shares, key=lambda key: shares[key], default="")
        if name and shares[name] > LEAST:
            found[stratum] = cut(name), text(shares[name])
    return found


def _by_stratum(largest: Mapping[str, tuple[str, str]], words: str) -> str:
    """Say what is largest where, each name once: ``a contributes most in p on x (+4.0%); b on y (+2.0%)``."""
    names = list(dict.fromkeys(name for name, _ in largest.values()))[:NAMED]
    parts = []
    for place, name in enumerate(names):
        own = {stratum: size for stratum, (found, size) in largest.items() if found == name}
        shown = list(own)[:NAMED]
        where = " and ".join(
            f"{on_blocks([stratum])} ({own[stratum]})" if stratum else f"({own['']})" for stratum in shown
        )
        more = f" and {len(own) - len(shown)} more" if len(own) > len(shown) else ""
        parts.append(f"{name} {f'{words} ' if place == 0 else ''}{where}{more}")
    return sentence("; ".join(parts))
