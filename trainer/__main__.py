"""`python -m trainer CONFIG --run-dir DIR [--resume]`."""

import sys

from trainer.command_line import main

if __name__ == "__main__":
    sys.exit(main())
