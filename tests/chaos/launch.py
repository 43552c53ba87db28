"""A launch in a process of its own, as `sweeper launch` makes one: URL SEED LEASE_S PROGRAM [extend].

The program is empty if it was drawn from the seed.
"""

import sys

SLOTS = 2
INTERRUPTED = 130


def main() -> int:
    """Launch; return the exit code."""
    import logging

    from sweeper.errors import SweeperError
    from sweeper.execution.launch import launch
    from sweeper.streams import name_errors, open_missing
    from tests.chaos.drawing import drawn

    open_missing()
    name_errors()
    logging.basicConfig(format="%(levelname)s: %(message)s")
    url, seed, lease_s, program, *rest = sys.argv[1:]
    trials, extended = drawn(int(seed), program or None).trials, rest == ["extend"]
    try:
        return launch(
            trials.study(extended=extended),
            trials.plan(extended=extended),  # type: ignore[arg-type]
            store=url,
            num_slots=SLOTS,
            extend=extended,
            on_enrolled=lambda *_: None,
            on_tick=lambda: None,
            lease_s=float(lease_s),
        ).exit_code
    except SweeperError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return error.exit_code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # before there is a launcher that takes it
        sys.exit(INTERRUPTED)
