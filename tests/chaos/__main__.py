"""Many rounds of chaos, on SQLite or PostgreSQL: python -m tests.chaos [ROUNDS [FIRST_SEED [POSTGRESQL_URL]]].

A broken promise ends it with exit code 1, the seed and what was done; the folder of the round is kept.
"""

import sys
import tempfile
import time
from pathlib import Path

from tests.chaos import harness
from tests.sweeper.store.builders import new_store


def main(rounds: int, first_seed: int) -> int:
    """Play the rounds; the exit code."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        new_store(root)
        plain = harness.copy_of(root / "store.db", root / "undisturbed")
        expected = harness.undisturbed(plain, root / "undisturbed")
        began = time.monotonic()
        attempts = 0
        for seed in range(first_seed, first_seed + rounds):
            folder = root / f"round-{seed}"
            url = harness.copy_of(root / "store.db", folder)
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
        f"{rounds} rounds, {rounds * harness.NUM_TRIALS} trials, {attempts} attempts: every trial ended exactly once, "
        "no measurement missing or doubled, no process left, every device-second in the ledger"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100, int(sys.argv[2]) if len(sys.argv) > 2 else 0))
