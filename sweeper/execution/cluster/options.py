"""Which Dask cluster the command line asks for. Imports nothing heavy."""

from dataclasses import dataclass
from pathlib import Path

from sweeper.errors import UsageError
from sweeper.extras import require


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """At most one of them; none for a cluster on this machine."""

    address: str | None = None
    scheduler_file: Path | None = None
    slurm_jobs: int | None = None

    @property
    def is_here(self) -> bool:
        """Whether the cluster is one of this machine's processes, which run in sweeper's own environment."""
        return not self.named()

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
    require("dask", "--engine dask")
