"""Many rounds of chaos: python -m tests.chaos [ROUNDS [FIRST_SEED [sqlite|postgresql]]].

A broken promise ends it with exit code 1, the seed and what was done; the folder of the round is kept.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos import harness
from tests.sweeper import postgresql
from tests.sweeper.store.builders import new_store

NewStore = Callable[[Path], str]


def main(rounds: int, first_seed: int, database: str) -> int:
    """Play the rounds; the exit code."""
    stores = _postgresql if database == "postgresql" else _sqlite
    with tempfile.TemporaryDirectory() as name, stores(Path(name)) as store_in:
        root = Path(name)
        expected = harness.undisturbed(store_in(root / "undisturbed"), root / "undisturbed")
        began = time.monotonic()
        attempts = 0
        for seed in range(first_seed, first_seed + rounds):
            folder = root / f"round-{seed}"
            url = store_in(folder)
            try:
                done = harness.play(url, folder, seed)
                assert harness.exported(url) == expected, f"seed {seed}: the export differs from an undisturbed run's"
            except AssertionError as error:
                kept = Path(tempfile.mkdtemp(prefix="chaos-")) / folder.name
                folder.rename(kept)
                print(f"round {seed} FAILED, kept in {kept}\n{error}", flush=True)
                return 1
            attempts += len(harness.attempts_of(url))
            print(f"round {seed}: {time.monotonic() - began:6.1f} s: {'; '.join(done)}", flush=True)
    print(
        f"{rounds} rounds on {database}, {rounds * harness.NUM_TRIALS} trials, {attempts} attempts: every trial ended "
        "exactly once, no measurement missing or doubled, no process left, every device-second in the ledger"
    )
    return 0


@contextmanager
def _sqlite(root: Path) -> Iterator[NewStore]:
    new_store(root)
    yield lambda folder: harness.copy_of(root / "store.db", folder)


@contextmanager
def _postgresql(_: Path) -> Iterator[NewStore]:
    programs = postgresql.programs()
    if programs is None:
        sys.exit("PostgreSQL's server is not installed. Debian: apt-get install postgresql")
    with postgresql.cluster(programs) as cluster:

        def new(folder: Path) -> str:
            folder.mkdir(parents=True)
            return cluster.new_store()[0]

        yield new


if __name__ == "__main__":
    words = dict(enumerate(sys.argv))
    sys.exit(main(int(words.get(1, "100")), int(words.get(2, "0")), words.get(3, "sqlite")))
