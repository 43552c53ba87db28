"""What is not in plain English yet. Remove what passes; add nothing."""

from typing import Final

# Modules with messages that use phrases of `english.py`.
MODULES: Final = frozenset(
    {
        "reports/build.py",
        "reports/figures/heat.py",
        "reports/figures/shares.py",
        "reports/sections/effects.py",
        "reports/sections/importance.py",
        "reports/sections/learning.py",
        "reports/sections/outcomes.py",
        "reports/sections/savings.py",
        "reports/sections/summary.py",
        "sweeper/doctor/versions.py",
        "sweeper/evidence/claims/evidence.py",
        "sweeper/evidence/claims/wording.py",
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
        "sweeper/export/archive.py",
        "sweeper/store/engine.py",
        "sweeper/store/file_check.py",
        "sweeper/store/transactions.py",
        "sweeper/store/url.py",
        "trainer/config/model.py",
        "trainer/corpora/fetch.py",
        "trainer/corpora/folder.py",
        "trainer/corpora/pydocs.py",
    }
)
# Commands whose help does; `sweeper` is the command itself.
COMMANDS: Final[frozenset[str]] = frozenset()
# Phrases in the descriptions of the study file.
DESCRIPTIONS: Final[frozenset[str]] = frozenset()
