"""plan, launch, report and export open no connection to another machine."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Workplace

# Python imports this first in every process, including trials and slots; it logs each address that is looked up or
# connected to.
WATCH = """
import socket
import sys

LOG = {log!r}


def watch(event, arguments):
    if event == "socket.getaddrinfo" or (event == "socket.connect" and arguments[0].family != socket.AF_UNIX):
        with open(LOG, "a") as file:
            print(event, arguments[:2], file=file)


sys.addaudithook(watch)
"""
STUDY = """
study: quiet
metric: {name: loss, direction: minimize}
trial: {program: {python: "quiet:run"}, config: {x: 0}}
resources: {device: cpu, slots: 1}
factors: {x: {path: x, levels: [0, 1]}}
phases: [{name: main, design: grid, seeds: 2, budget: {steps: 1}}]
"""


@pytest.fixture
def log(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Log the connections of all Python programs that the test starts; return the log's path."""
    folder = workplace.folder / "watch"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(WATCH.format(log=str(folder / "log")))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder / "log"


def test_a_connection_is_logged(log: Path) -> None:
    connect = "import socket; socket.socket().connect_ex(('127.0.0.1', 9))"
    subprocess.run([sys.executable, "-c", connect], check=True)
    assert "socket.connect" in log.read_text()


@pytest.mark.slow
def test_a_study_runs_and_is_reported_without_any_connection(workplace: Workplace, log: Path) -> None:
    (workplace.folder / "study.yaml").write_text(STUDY)
    (workplace.folder / "quiet.py").write_text("def run(config, seed):\n    return 1.0 + config['x'] + seed / 100\n")
    for command in (
        ("plan", "study.yaml"),
        ("launch", "study.yaml"),
        ("status", "quiet"),
        ("report", "quiet"),
        ("export", "quiet", "--table", "trials", "--format", "csv"),
        ("doctor",),
    ):
        answer = workplace.run(*command)
        assert answer.returncode == 0, answer.stderr
    assert not log.exists(), log.read_text()
