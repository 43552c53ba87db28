"""The command line's options for a Dask cluster. Imports nothing heavy."""

from dataclasses import dataclass
from pathlib import Path

from sweeper.errors import UsageError
from sweeper.extras import require


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """At most one of these is set; none for a cluster on this machine."""

    address: str | None = None
    scheduler_file: Path | None = None
    slurm_jobs: int | None = None

    @property
    def is_here(self) -> bool:
        """Whether the cluster is one of this machine's processes, which run in sweeper's own environment."""
        return not self.named()

    def named(self) -> list[str]:
        """Return the options that were given, as on the command line."""
        values = {
            "--dask-address": self.address,
            "--dask-scheduler-file": self.scheduler_file,
            "--dask-slurm": self.slurm_jobs,
        }
        return [name for name, value in values.items() if value is not None]


def check_engine(engine: str, options: ClusterOptions) -> None:
    """Refuse options that contradict each other, and the Dask engine if it is not installed.

    Raises:
        UsageError: with the remedy.
    """
    named = options.named()
    if engine != "dask":
        if named:
            raise UsageError(f"{named[0]}: works only with --engine dask. Add it, or leave out {named[0]}.")
        return
    if len(named) > 1:
        raise UsageError(f"{' and '.join(named)}: choose one cluster, not {len(named)}. Leave out all but one.")
    require("dask", "--engine dask")
