"""The password in a PostgreSQL store's URL, from end to end: it opens the store, and is found nowhere else."""

import json
import os
import secrets
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import create_engine, inspect, text

from tests.sweeper import postgresql
from tests.sweeper.postgresql import GUARDED

# One of this process's own: tests beside it see each other's command lines.
PASSWORD: Final = f"open-sesame-{secrets.token_hex(8)}"
# The trial looks around: whoever runs it, and all that was started beside it, is alive while it does.
LOOK_AROUND: Final = """
import contextlib, os, pathlib
lines = []
for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    with contextlib.suppress(OSError):
        lines.append(path.read_bytes().replace(bytes(1), b" ").decode(errors="replace").strip())
pathlib.Path(os.environ["SWEEPER_RUN_DIR"], "processes").write_text(chr(10).join(lines))
print("| step 1 | valid loss 2.5")
"""
STUDY: Final = """
study: {name}
metric: {{name: valid_loss, direction: minimize}}
trial:
  program:
    command: ["{{python}}", look_around.py, --lr, "{{lr}}"]
    metrics: {{step: 'step ([0-9]+)', valid_loss: 'valid loss ([0-9.]+)'}}
  config: {{lr: 0.1}}
resources: {{device: cpu}}
on_finish: [["{python}", -c, "print('ended')"]]
factors: {{lr: {{path: lr, levels: [0.1, 0.2]}}}}
phases:
  - {{name: rates, design: grid, budget: {{steps: 1}}}}
claims:
  - id: faster
    text: A larger rate lowers the loss.
    contrast: {{phase: rates, factor: lr, from: 0.1, to: 0.2}}
    expect: decrease
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.environ.get("SWEEPER_TEST_STORE") != "postgresql", reason="this is about PostgreSQL (make test-postgres)"
    ),
]


@dataclass(frozen=True)
class Place:
    """A folder with a study, and the URL of a store that asks for a password."""

    folder: Path
    url: str

    def run(self, *arguments: str, url: str | None = None) -> subprocess.CompletedProcess[str]:
        """A command of sweeper's on the store of $SWEEPER_STORE, in a process of its own."""
        return subprocess.run(
            [sys.executable, "-m", "sweeper", *arguments],
            cwd=self.folder,
            env={**os.environ, "SWEEPER_STORE": url or self.url},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )


@pytest.fixture(scope="session")  # once a cluster: a worker that steals tests comes back to this module
def guarded(cluster: postgresql.Cluster) -> str:
    return cluster.guarded_store(PASSWORD)


@pytest.fixture
def place(guarded: str, tmp_path: Path) -> Place:
    (tmp_path / "look_around.py").write_text(LOOK_AROUND)
    return Place(tmp_path, guarded)


def rows_of(url: str) -> dict[str, list[str]]:
    """All rows of all tables as text."""
    engine = create_engine(url)
    with engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        found = {
            table: connection.execute(text(f'SELECT t::text FROM "{table}" t')).scalars().all() for table in tables
        }
    engine.dispose()
    return {table: list(rows) for table, rows in found.items()}


@pytest.mark.parametrize("engine", ["joblib", "dask"])
def test_the_password_is_in_no_table_process_file_or_output(place: Place, engine: str) -> None:
    if engine == "dask":
        pytest.importorskip("dask_jobqueue", reason="the extra is not installed (pip install 'sweeper[dask]')")
    name = f"guarded-{engine}"
    (place.folder / "study.yaml").write_text(STUDY.format(name=name, python=sys.executable))
    command = ["launch", "study.yaml", "--engine", engine, "--slots", "1", "--store", place.url]
    said = [
        place.run(*command, url="sqlite:///unused.db"),
        place.run("launch", "study.yaml"),
        place.run("plan", "study.yaml"),
        place.run("status", name, "--json"),
        place.run("status"),
        place.run("show", f"{name}", "rates/0"),
        place.run("show", f"{name}", "rates/0", "--json"),
        place.run("claims", name, "--json"),
        place.run("replay", name, "--needed", "--json"),
        place.run("export", name, "--table", "trials", "--format", "json"),
        place.run("export", name, "--all", "--out", "archive"),
        place.run("report", name, "--format", "html"),
        place.run("doctor", "--json"),
        place.run("retry", name),
        place.run("worker", name),
        place.run("cancel", name),
    ]
    outputs = "\n".join(answer.stdout + answer.stderr for answer in said)
    assert PASSWORD not in outputs
    assert f"{GUARDED}:***@" in outputs
    assert [answer.returncode for answer in said[:2]] == [0, 0], outputs
    assert json.loads(said[3].stdout)["completed"] == 2

    rows = rows_of(place.url)
    assert [table for table, found in rows.items() if PASSWORD in "\n".join(found)] == []
    assert f"{GUARDED}:***@" in "\n".join(rows["sweeper_environments"])  # the command, as it was given

    seen = [path.read_text().splitlines() for path in place.folder.rglob("processes")]
    own = " ".join([sys.executable, "-m", "sweeper", *command])  # what the user has written stands where it was written
    assert [[line for line in lines if PASSWORD in line] for lines in seen] == [[own], [own]]
    files = [path for path in place.folder.rglob("*") if path.is_file() and path.name != "processes"]
    assert [str(path) for path in files if PASSWORD.encode() in path.read_bytes()] == []
    assert {"report.html", "output.log"} <= {path.name for path in files}


@pytest.mark.parametrize("part", ["password", "database", "server"])
def test_the_password_is_in_no_error(place: Place, part: str) -> None:
    (place.folder / "study.yaml").write_text(STUDY.format(name="refused", python=sys.executable))
    url = {
        "password": place.url.replace(PASSWORD, f"not-{PASSWORD}"),
        "database": place.url.replace(f"/{GUARDED}?", "/absent?"),
        "server": place.url.replace("?host=", "?host=/nonexistent"),
    }[part]
    commands = [
        (*options, *command)
        for command in (("launch", "study.yaml"), ("status",), ("worker",), ("dashboard",), ("doctor",))
        for options in ((), ("--debug",))
    ]
    with ThreadPoolExecutor(len(commands)) as pool:  # some wait a minute for a server that is not there
        said = list(pool.map(lambda command: place.run(*command, url=url), commands))
    assert all(answer.returncode for answer in said), said
    assert PASSWORD not in "\n".join(answer.stdout + answer.stderr for answer in said)
    assert f"store postgresql+psycopg://{GUARDED}:***@" in said[0].stderr
