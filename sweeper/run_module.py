"""Run a module of ours in a process of its own: `python -P run_module.py MODULE [ARGUMENT…]`, started as a plain file.

`python -m` looks for modules in the working directory first, and that is where a study lies, perhaps beside a
`trainer.py` or a `random.py` of the user's own. `-P` leaves the working directory out, and this file loads our packages
from where it is itself, whatever PYTHONPATH has. `sweeper.subprocesses` writes the command.
"""

import runpy
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).absolute().parents[1]
PACKAGES: Final = ("sweeper", "trainer", "reports", "studies")


def load_own_packages() -> None:
    """Load our packages from this file's place, so that no others of their names are found instead."""
    for name in PACKAGES:
        if name in sys.modules:
            continue
        spec = spec_from_file_location(name, ROOT / name / "__init__.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = package = module_from_spec(spec)
        spec.loader.exec_module(package)


def forget_own_packages() -> None:
    """Leave our packages' names to others; what was imported from them still works."""
    for name in list(sys.modules):
        if name.partition(".")[0] in PACKAGES:
            del sys.modules[name]


def main() -> None:
    """Run the module that the command line names, as `python -m` would."""
    load_own_packages()
    if str(ROOT) not in sys.path:  # a checkout that is not installed
        sys.path.append(str(ROOT))
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
