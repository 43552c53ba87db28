"""The kind of machine that ran a trial, as far as its numbers depend on it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

PACKAGES: Final = ("sweeper", "torch", "numpy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What the numbers of a trial may depend on beside its configuration.

    Attributes:
        processor: the model of the CPU.
        gpus: their names, if the trial ran on one.
        threads: of a trial.
        python: major and minor version.
        packages: by name their versions.
    """

    processor: str
    gpus: tuple[str, ...]
    device: str
    threads: int
    python: str
    packages: tuple[tuple[str, str], ...]

    def difference(self, other: "Kind") -> str:
        """Return what of another kind differs, e.g. ``torch 2.12.0 there, 2.13.0 here``; empty if nothing does."""
        own, others = dict(self.packages), dict(other.packages)
        names = (name for name in PACKAGES if own.get(name) != others.get(name))
        found = [f"{name} {own.get(name, 'none')} there, {others.get(name, 'none')} here" for name in names]
        for field in fields(self):
            one, two = getattr(self, field.name), getattr(other, field.name)
            if field.name != "packages" and one != two:
                found.append(f"{field.name} {_text(one)} there, {_text(two)} here")
        return "; ".join(found)


def kind_of(environment: Mapping[str, object], *, device: str, threads: int) -> Kind:
    """Return the kind of a recorded environment.

    Args:
        environment: as `execution.provenance.facts` records it.
        device: of the slot, e.g. cpu or cuda:0.
        threads: of a trial.
    """
    machine, packages, gpus = (environment.get(name) for name in ("machine", "packages", "gpus"))
    on_gpu = device.startswith("cuda")
    names = [str(gpu).partition(",")[0] for gpu in gpus] if on_gpu and isinstance(gpus, list | tuple) else []
    known = packages if isinstance(packages, Mapping) else {}
    return Kind(
        processor=str(machine.get("cpu")) if isinstance(machine, Mapping) else "unknown",
        gpus=tuple(dict.fromkeys(names)),
        device="cuda" if on_gpu else "cpu",
        threads=threads,
        python=".".join(str(environment.get("python")).split(".")[:2]),
        packages=tuple((name, str(known[name])) for name in PACKAGES if name in known),
    )


def _text(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)
