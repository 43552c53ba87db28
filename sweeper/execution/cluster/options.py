"""Which Dask cluster the command line asks for. Imports nothing heavy."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from sweeper.errors import UsageError

EXTRA: Final = ("distributed", "dask_jobqueue")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """At most one of them; none for a cluster on this machine."""

    address: str | None = None
    scheduler_file: Path | None = None
    slurm_jobs: int | None = None

    def named(self) -> list[str]:
        """The options that were given, as on the command line."""
        values = {
            "--dask-address": self.address,
            "--dask-scheduler-file": self.scheduler_file,
            "--dask-slurm": self.slurm_jobs,
        }
        return [name for name, value in values.items() if value is not None]


def check_engine(engine: str, options: ClusterOptions) -> None:
    """Refuse options that do not go together, and the Dask engine where it is not installed.

    Raises:
        UsageError: with the remedy.
    """
    named = options.named()
    if engine != "dask":
        if named:
            raise UsageError(f"{named[0]}: works with --engine dask alone. Add it, or leave {named[0]} out.")
        return
    if len(named) > 1:
        raise UsageError(f"{' and '.join(named)}: name one cluster, not {len(named)}. Leave out all but one.")
    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise UsageError(
            f"--engine dask: {' and '.join(missing)} {verb} not installed. "
            "Install the extra: pip install 'sweeper[dask]'"
        )
