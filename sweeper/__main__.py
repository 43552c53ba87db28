"""`python -m sweeper` is `sweeper`."""

import sys

from sweeper.run_module import ROOT

# `python -m` puts the working directory first, where a study's own files may have the names of modules.
if not sys.flags.safe_path and sys.path[0] != str(ROOT):
    del sys.path[0]

from sweeper.cli.main import main

if __name__ == "__main__":
    main()
