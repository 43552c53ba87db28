"""How closely a bundle can come out again: whether the code and packages that wrote it are those that run here."""

from dataclasses import dataclass
from typing import Final, Literal

from sweeper.export.bundle import Manifest
from sweeper.export.maker import Maker
from sweeper.verification.findings import Finding

EXACT: Final = 1e-6  # of numbers: other processors and other versions of the numerical libraries differ by less
LOOSE: Final = 1e-3  # of numbers by other code; of an estimate and its interval, relative to the width of that
LOOSE_P: Final = 1e-2  # of p-values by other code

Kind = Literal["same", "packages", "code", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a bundle can be compared with.

    Attributes:
        kind: the same code and packages; the same code with other packages; other code; or code that it does not name.
        there: what wrote it, by its name.
    """

    kind: Kind
    there: str
    finding: Finding

    @property
    def is_same_code(self) -> bool:
        """Whether texts must come out again, not only what they mean."""
        return self.kind in ("same", "packages")


def basis_of(manifest: Manifest, here: Maker) -> Basis:
    """Return what a bundle can be compared with here."""
    there = manifest.made_by
    if there is None:
        text = f"sweeper {manifest.sweeper} wrote this bundle and does not say with which code; {_meaning(here)}"
        return _basis("unknown", f"sweeper {manifest.sweeper}", text)
    if not there.is_code_of(here):
        return _basis("code", there.name, f"{there.name} wrote this bundle; {_meaning(here)}")
    packages = there.other_packages(here)
    if packages:
        text = f"the code that runs here wrote this bundle with other packages ({packages}); figures are not compared"
        return _basis("packages", there.name, text)
    finding = Finding(check="code", ok=True, text=f"the code that runs here wrote this bundle: {here.name}")
    return Basis(kind="same", there=there.name, finding=finding)


def _basis(kind: Kind, there: str, text: str) -> Basis:
    return Basis(kind=kind, there=there, finding=Finding(check="code", ok=True, text=text, is_note=True))


def _meaning(here: Maker) -> str:
    return (
        f"{here.name} runs here. Verdicts and numbers are compared by what they mean, to {LOOSE:.1%} of an interval "
        f"and {LOOSE_P:.0%} of a p-value; wording, page and figures are not compared"
    )
