"""What is not in plain English yet. Remove what passes; add nothing."""

from typing import Final

# Modules with messages that use phrases of `english.py`.
MODULES: Final = frozenset(
    {
        "sweeper/doctor/versions.py",
        "sweeper/evidence/claims/statements.py",
        "sweeper/execution/cluster/checks.py",
        "sweeper/execution/cluster/connect.py",
        "sweeper/execution/cluster/lost_jobs.py",
        "sweeper/execution/cluster/on_worker.py",
        "sweeper/execution/cluster/options.py",
        "sweeper/execution/cluster/pool.py",
        "sweeper/execution/cluster/slurm.py",
        "sweeper/execution/hooks.py",
        "sweeper/execution/slots/launcher.py",
        "sweeper/execution/slots/resources.py",
        "sweeper/execution/slots/run_dir.py",
    }
)
# Commands whose help does; `sweeper` is the command itself.
COMMANDS: Final[frozenset[str]] = frozenset()
# Phrases in the descriptions of the study file.
DESCRIPTIONS: Final[frozenset[str]] = frozenset()
