"""Which cluster the command line asks for, and what it must not ask for."""

import subprocess
import sys
from pathlib import Path

import pytest

from sweeper import extras
from sweeper.errors import UsageError
from sweeper.execution.cluster.options import ClusterOptions, check_engine


def test_no_cluster_needs_no_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    check_engine("joblib", ClusterOptions())


def test_an_option_of_the_other_engine_is_refused() -> None:
    with pytest.raises(UsageError, match="--dask-address: works only with --engine dask"):
        check_engine("joblib", ClusterOptions(address="tcp://here:1"))


def test_only_one_cluster_can_be_named() -> None:
    with pytest.raises(UsageError, match="--dask-scheduler-file and --dask-slurm: choose one cluster, not 2"):
        check_engine("dask", ClusterOptions(scheduler_file=Path("x.json"), slurm_jobs=2))


def test_a_missing_extra_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(UsageError) as refusal:
        check_engine("dask", ClusterOptions())
    assert str(refusal.value).startswith("--engine dask needs distributed and dask_jobqueue, which are not installed")
    assert f"pip install 'sweeper[dask]', or uv pip install --python {sys.prefix} 'sweeper[dask]'" in str(refusal.value)


def test_dask_is_imported_for_its_engine_alone() -> None:
    code = "import sys, sweeper.cli.launch, sweeper.cli.cluster, sweeper.execution.launch\n"
    code += "import sweeper.execution.cluster.options\n"
    code += "sys.exit(any(name.partition('.')[0] in ('dask', 'distributed') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
