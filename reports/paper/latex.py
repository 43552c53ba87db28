"""Text and numbers in LaTeX: whatever a user wrote is set as text, by pdfLaTeX too, which knows few characters."""

import math
import re
import unicodedata
from typing import Final

from reports import wording
from reports.paper.digits import digits

SPECIAL: Final = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\ensuremath{<}", ">": r"\ensuremath{>}",
    "|": r"\ensuremath{|}", '"': r"\char34{}", "'": r"'{}", "`": r"`{}", "-": r"-{}",
}  # fmt: skip
# Characters that have a command in every encoding of fonts.
NAMED: Final = {
    "ß": r"\ss{}", "æ": r"\ae{}", "Æ": r"\AE{}", "œ": r"\oe{}", "Œ": r"\OE{}", "ø": r"\o{}", "Ø": r"\O{}",
    "å": r"\aa{}", "Å": r"\AA{}", "ł": r"\l{}", "Ł": r"\L{}", "\u0131": r"\i{}", "§": r"\S{}", "¶": r"\P{}",
    "¡": r"!`{}", "¿": r"?`{}", "\u2013": "--{}", "—": "---{}", "\u2018": "`{}", "\u2019": "'{}",
    "“": "``{}", "”": "''{}",
    "…": r"\ldots{}", "†": r"\dag{}", "‡": r"\ddag{}", "©": r"\copyright{}",
    "\u00a0": "~", "\u202f": r"\,", "\u2009": r"\,",
}  # fmt: skip
SYMBOLS: Final = {
    "\u2212": "-", "±": r"\pm", "\u00d7": r"\times", "÷": r"\div", "·": r"\cdot", "≤": r"\leq",
    "≥": r"\geq", "≠": r"\neq",
    "≈": r"\approx", "∞": r"\infty", "→": r"\rightarrow", "←": r"\leftarrow", "↑": r"\uparrow", "↓": r"\downarrow",
    "µ": r"\mu", "°": r"^\circ", "²": "^2", "³": "^3", "¹": "^1", "√": r"\surd", "∑": r"\sum", "∂": r"\partial",
    "∇": r"\nabla", "∈": r"\in", "⋅": r"\cdot", "∆": r"\Delta",
}  # fmt: skip
LETTER_NAMES: Final = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma varsigma tau upsilon phi "
    "chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
)
SMALL_GREEK: Final = "".join(map(chr, [*range(0x3B1, 0x3BF), *range(0x3C0, 0x3C2), 0x3C3, 0x3C2, *range(0x3C4, 0x3CA)]))
CAPITAL_GREEK: Final = "".join(map(chr, [0x393, 0x394, 0x398, 0x39B, 0x39E, 0x3A0, 0x3A3, 0x3A5, 0x3A6, 0x3A8, 0x3A9]))
GREEK: Final = dict(zip(f"{SMALL_GREEK}{CAPITAL_GREEK}", LETTER_NAMES.split(), strict=True))
ACCENTS: Final = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": ".",
    "\u0308": '"', "\u030b": "H", "\u030c": "v", "\u0323": "d", "\u0327": "c", "\u0331": "b",
}  # fmt: skip
LONG: Final = 12  # letters of a long word, after which a line may break
LONG_WORD: Final = re.compile(r"[^\s_\-./=:,+]{19,}")  # longer than words of prose
NONE: Final = "--"  # in place of a number
BREAKS: Final = frozenset("_-./=:,+")
LETTERS: Final = re.compile(r"[A-Za-z]")
SPELLED: Final = "[U+0000]"


def escaped(text: str) -> str:
    """Return text as LaTeX sets it as it reads: special characters, accents, Greek and common symbols are kept.

    Lines may break within long names. Characters that pdfLaTeX's usual fonts lack are spelled, e.g. ``[U+4E2D]``.
    """
    found: list[str] = []
    run = 0
    plain = unicodedata.normalize("NFC", wording.clean(text))
    within = {place for word in LONG_WORD.finditer(plain) for place in range(*word.span())}
    for place, (character, following) in enumerate(zip(plain, f"{plain[1:]} ", strict=False)):
        shown = _set(character)
        found.append(shown)
        run = 0 if character.isspace() else run + (len(SPELLED) if "U+" in shown else 1)
        may_break = place in within or "U+" in shown
        if (character in BREAKS and run > 2 and not following.isdigit()) or (run >= LONG and may_break):
            found.append(r"\allowbreak{}")
            run = 0
    return "".join(found)


def _set(character: str) -> str:
    if character in SPECIAL:
        return SPECIAL[character]
    if character in NAMED:
        return NAMED[character]
    if " " <= character <= "~":
        return character
    if character in SYMBOLS or character in GREEK:
        return rf"\ensuremath{{{SYMBOLS.get(character) or chr(92) + GREEK[character]}}}"
    return _accented(character) or rf"{{[}}U+{ord(character):04X}{{]}}"


def _accented(character: str) -> str:
    """Return a letter with its accent as a command; empty if it is none."""
    parts = unicodedata.normalize("NFD", character)
    if len(parts) != 2 or not LETTERS.match(parts[0]) or parts[1] not in ACCENTS:
        return ""
    base = rf"\{parts[0]}" if parts[0] in "ij" and ACCENTS[parts[1]] not in "cdb" else parts[0]
    return rf"\{ACCENTS[parts[1]]}{{{base}}}"


def amount(value: float, half: float = math.nan, *, bare: bool = False, bold: bool = False, sign: bool = False) -> str:
    """Return a number, with half its interval if there is one, in mathematics; a dash if there is none.

    Args:
        bare: whether half the interval only says how to round.
        bold: whether the number stands out.
        sign: whether a positive number has one.
    """
    if math.isnan(value):
        return NONE
    if math.isinf(value):
        return rf"\ensuremath{{{'-' if value < 0 else ''}\infty}}"
    found = digits(value, half)
    half_text = "" if bare else found.half
    number = f"+{found.value}" if sign and value > 0 and float(found.value) != 0 else found.value
    number = rf"\mathbf{{{number}}}" if bold else number
    if half_text:
        number = rf"{number} \pm {half_text}"
    if found.power:
        number = rf"({number})" if half_text else number
        number = rf"{number} \times 10^{{{found.power}}}"
    return rf"\ensuremath{{{number}}}"


def comment(text: str) -> str:
    """Return text for a comment: one line, whatever it holds."""
    return "".join(each if each >= " " else " " for each in wording.clean(text))
