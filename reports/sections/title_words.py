"""The words that titles of figures are made of."""

from collections.abc import Sequence
from typing import Final

from reports import wording

NAMED: Final = 3  # things that a title names; of more it says how many there are
LONGEST: Final = 44  # characters of a configuration's name that a title spells out
WORSE: Final = "makes it worse"
# With which titles begin that do not begin with a name of the study's.
OWN: Final = frozenset({"all", "at", "in", "no", "none", "on", "one", "the", "whether"})


def sentence(text: str) -> str:
    """Return a title with a capital letter, unless it begins with a name of the study's, which keeps its letters."""
    return wording.capital(text) if text.partition(" ")[0] in OWN else text


def cut(name: str) -> str:
    """Return a factor's or a phase's name, cut if it would fill the title."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}\u2026"


def short(name: str, otherwise: str = "the best configuration") -> str:
    """Return the name of a configuration, or what it is if the name is long."""
    return name if len(name) <= LONGEST else otherwise


def named_phases(phases: Sequence[str]) -> str:
    """Return the names of phases; if several are too many or too long, how many they are."""
    text = wording.listed([cut(wording.clean(each)) for each in phases])
    return text if len(phases) < 2 or len(text) <= LONGEST else wording.count(len(phases), "phase")


def on_blocks(blocks: Sequence[str]) -> str:
    """Return blocks with their preposition: on a corpus, at a level; of several levels with their factor once."""
    factors = {block.partition(" = ")[0] for block in blocks}
    if len(factors) == 1 and len(blocks) > 1 and all(" = " in block and ", " not in block for block in blocks):
        levels = wording.listed([block.partition(" = ")[2] for block in blocks])
        return f"at {factors.pop()} = {levels}"
    return f"{'at' if any(' = ' in block for block in blocks) else 'on'} {wording.listed(list(blocks))}"


def plural(names: Sequence[str], words: str) -> str:
    """Say of factors what they do: in the plural of several, and how many they are of more than a few."""
    verb, _, rest = words.partition(" ")
    if len(names) > 1:
        verb = verb.removesuffix("s")
        for word in ("and", "but"):
            rest = rest.replace(f"{word} makes", f"{word} make").replace(f"{word} helps", f"{word} help")
    subject = f"{len(names)} factors" if len(names) > NAMED else wording.listed([cut(name) for name in names])
    return f"{subject} {verb} {rest}".rstrip()
