"""The fonts of the PDF, and what replaces characters that they lack.

Typst's own fonts and matplotlib's DejaVu, with which the figures are measured, are the same on every machine. Other
characters are looked up in this machine's fonts; a character that no font has is written as its code point.
"""

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import matplotlib as mpl
import typst
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

EVERYDAY: Final = "DejaVuSans.ttf"  # has Latin, Greek, Cyrillic, Armenian, Hebrew, Arabic, mathematics, arrows
LAST_RESORT: Final = "LastResort"  # fonts of this name show a box with the script's name for every character


@dataclass(frozen=True, slots=True, kw_only=True)
class Fonts:
    """The fonts of a document.

    Attributes:
        fonts: typst's.
        missing: characters of the document that no font has.
    """

    fonts: typst.Fonts
    missing: frozenset[str]


def installed_fonts() -> Iterable[Path]:
    """Return this machine's fonts, regular ones first."""
    paths = [Path(path) for path in font_manager.findSystemFonts()]
    return sorted(paths, key=lambda path: ("regular" not in path.name.lower(), path.name, str(path)))


@contextmanager
def fonts_for(text: str, installed: Callable[[], Iterable[Path]] = installed_fonts) -> Iterator[Fonts]:
    """Provide the fonts for a text while it is set.

    Args:
        installed: where to look for characters that our fonts lack; called only if there are any.
    """
    own = Path(mpl.get_data_path()) / "fonts" / "ttf"
    wanted = {character for character in text if not character.isspace()} - _characters(own / EVERYDAY)
    chosen = [*sorted(own.glob("DejaVu*.ttf")), *(_having(wanted, installed()) if wanted else ())]
    # typst takes directories, with everything in them.
    with tempfile.TemporaryDirectory(prefix="sweeper-fonts-") as directory:
        for number, path in enumerate(chosen):
            Path(directory, f"{number:03d}{path.suffix}").symlink_to(path.resolve())
        fonts = typst.Fonts(include_system_fonts=False, font_paths=[directory])
        taken = {Path(info.path).resolve() for info in fonts.fonts() if info.path is not None}
        # It refuses some fonts that FreeType reads.
        usable = [_characters(path) for path in chosen if path.resolve() in taken]
        yield Fonts(fonts=fonts, missing=frozenset(wanted.difference(*usable)))


def _having(wanted: set[str], paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the first fonts that have the characters, as far as there are any."""
    left = set(wanted)
    for path in paths:
        if LAST_RESORT not in path.name and (found := left & _characters(path)):
            left -= found
            yield path
        if not left:
            return


def spelled(text: str, missing: frozenset[str]) -> str:
    """Return a text with each run of characters that no font has as their code points.

    >>> spelled("loss 中文", frozenset("中文"))
    'loss [U+4E2D U+6587]'
    """
    if missing.isdisjoint(text):
        return text
    run = re.compile(f"[{re.escape(''.join(sorted(missing)))}]+")
    return run.sub(lambda found: f"[{' '.join(code_point(each) for each in found[0])}]", text)


def code_point(character: str) -> str:
    """Return a character's name in Unicode's notation, e.g. ``U+4E2D``."""
    return f"U+{ord(character):04X}"


def _characters(path: Path) -> set[str]:
    """Return the characters that a font has; none for a font that cannot be read."""
    with suppress(RuntimeError, OSError):
        return {chr(code) for code in FT2Font(str(path)).get_charmap()}
    return set()
