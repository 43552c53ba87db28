"""Many slots without trials on one store, forked from one process: URL STUDY_ID NUMBER."""

import os
import sys

from tests.sweeper.store import claimer


def main(url: str, study_id: int, number: int) -> int:
    """The exit code: how many of them failed."""
    children = []
    for place in range(number):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                claimer.main(url, study_id, f"slot-{place}", 60.0, None)
                code = 0
            finally:
                os._exit(code)
        children.append(pid)
    return sum(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0 for pid in children)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
