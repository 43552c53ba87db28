"""Phrases that are not English, or not the field's English, and what to write instead.

The patterns are narrow: each leaves the right uses of its words alone (`test_english.py` has examples of both).
"""

import re
from dataclasses import dataclass
from typing import Final

_ROW: Final = r"row|line|file|task|column|character|bar|panel|pair|vector|blob|folder|directory"
# "Leave it alone" and "explains alone" are right; "the trials alone" says only.
_NOT_AFTER: Final = "".join(
    rf"(?<!\b{word}\s)"
    for word in ("left", "leave", "it", "them", "let", "stand", "stands", "added", "explains", "factor")
)
_UNIT: Final = r"nats|ms|milliseconds|seconds|tokens|bytes|measurements"

# Pattern, and what to write instead. Letter case does not matter.
_PHRASES: Final = (
    (
        rf"{_NOT_AFTER}(?<!stand-)\balone\b",
        "only, on its own",
    ),
    (r"\b(?:go|goes|going|went|gone) on\b", "resume, continue"),
    (r"\btold\b", "reported, printed, shown; distinguished"),
    (r"\btells\b(?! (?:you|your|sweeper)\b)", "reports, prints, shows"),
    (r"\bpilot tells\b", "measure it with --pilot"),
    (r"\blast words\b|\b(?:SLURM|squeue|sbatch|Dask|program|user)'s words\b", "message, text, last output"),
    (rf"\ban? (?:{_ROW}) an? \w+", "one … per …"),
    (rf"\b(?:{_UNIT}) an? (?:word|token|trial|second|hour|minute|step|configuration|phase|run)\b", "per"),
    (r"\b(?:claims|leases|trials|steps) a second\b", "per second"),
    (r"\bso many\b(?! that\b)", "N, that many"),
    (r"\bmend(?:s|ed|ing)?\b", "fix"),
    (r"\ball the same\b", "anyway"),
    (r"\b(?:is|are|was|were) no more(?=[.,;:)]|$| there\b)", "no longer exists"),
    (r"\bas such\b", "literally"),
    (r"(?<!--)(?<!data\.)(?<!=\s)(?<!:\s)\bfolders?\b(?!:| is your)", "directory"),
    (r"\bwish(?:es|ed)?\b", "request"),
    (r"\b(?:what|that|it) came (?:of|out|to)\b", "results, verdicts"),
    (r"\bwhoever\b", "a noun: the worker, anyone who"),
    (r"\beach of them that\b", "every … that"),
    (r"\bby (?:its|their) own(?=[.,;:)]|$)", "by itself"),
    (r"\b(?:trials|slots|runs|jobs|rows|many|few|much) (?:\w+ ){0,2}at a time\b", "at once, in parallel"),
    (r"\b(?:take|takes|taken|took|taking) (?:\w+ )?up\b(?! to\b)", "pick up, resume"),
    (r"\bbears? with\b", "tolerate"),
    (r"\bask(?:s|ed|ing)? for\b", "request, require"),
    (r"\b(?:hurts?|hurting|harms?|harmed)\b", "affect, make worse"),
    (r"\btwins?\b|\b(?:no|without|contain|drop|are) doubles?\b|\bdoubles are\b", "duplicates"),
    (r"\bstands? (?:in|at|on|beside|there)\b", "is"),
    (r"\bTwo commands\b", "Quickstart"),
    (r"\bmistake a line\b|\buser's mistakes?\b", "user errors print one line each"),
    (r"\bknown holes?\b|\breport a hole\b", "known vulnerabilities"),
    (r"\bsa(?:id|y)(?: so)? twice\b", "needs a second flag"),
    (r"\bnothing is (?:known|invented)\b", "sweeper makes no estimate; … is unknown"),
    (r"\bthose that (?:there are|are there)\b", "the valid ones"),
    (r"\bthat all (?:reach|see)\b", "that every machine can reach"),
    (r"\bnobody\b", "no one, nothing; Dask has no authentication"),
    (r"\bthat nothing (?:fills|predicts|gives)\b", "without a value"),
    (r"\band changes nothing(?=\.|$)", "is otherwise ignored"),
    (r"\bin a continuous integration\b", "in CI"),
    (r"\bmixed up\b", "aliased, confounded"),
    (r"\bearned the gain\b", "attribution of the gain"),
    (r"\bknows how often\b|\bwords?'s? frequency\b", "the unigram model"),
    (r"\bhow little\b|\bwould have done\b", "how small a study would have sufficed"),
    (r"\bsay how far\b|\bhow far (?:studies|it|they|STUDY|trials) (?:is|are)\b", "show the progress of"),
    (r"\bJSON for programs\b", "machine-readable JSON"),
    (r"\bof the file\.(?=\s|$)|\bstandard output without it\b", "output format; output file [default: stdout]"),
    (r"\ball is well\b", "no problems found"),
    (r"\bso did (?:those|that|the one)\b", "as did the previous"),
    (r"\bis no \w+'s\b", "is not a valid …"),
    (r"\b(?:was|were|is|are) ended (?:after|by|at|when|before)\b", "timed out, ended"),
    (r", should (?:it|they|one) be\b|\bwere the effect\b", "if …"),
    (r"'s to (?:drop|keep|say)\b", "the caller removes them"),
    (r"\bgive it another name\b", "rename it"),
    (r"\bcannot be told\b", "there are no …"),
    (r"\^C\b", "Ctrl-C"),
    (r"(?:\d|\u2026)\s%(?!\w)", "95%, without a space"),
)


@dataclass(frozen=True)
class Rule:
    """A phrase to avoid, and what to write instead."""

    pattern: re.Pattern[str]
    better: str


@dataclass(frozen=True)
class Slip:
    """A phrase that was found in a text; `line` counts from 1."""

    line: int
    phrase: str
    better: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.phrase!r} → {self.better}"


def _rule(pattern: str, better: str) -> Rule:
    """Compile a pattern; a space in it may be the end of a line, but not of a paragraph."""
    return Rule(re.compile(pattern.replace(" ", r"[ \t]*\s[ \t]*"), re.IGNORECASE | re.MULTILINE), better)


RULES: Final = tuple(_rule(pattern, better) for pattern, better in _PHRASES)


def slips(text: str) -> list[Slip]:
    """Return the phrases of a text that should be replaced, in order."""
    found = [(match.start(), match.group(), rule.better) for rule in RULES for match in rule.pattern.finditer(text)]
    return [
        Slip(text.count("\n", 0, start) + 1, " ".join(phrase.split()), better)
        for start, phrase, better in sorted(found)
    ]
