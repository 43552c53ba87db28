# Two commands on a fresh machine with Python 3.11: `make demo` and `make test`.
#
#   PYTHON=python3.12 make demo     another interpreter (3.11 or newer)
#   TORCH=cuda make demo            the CUDA build of PyTorch with its libraries, instead of the CPU build

PYTHON ?= python3.11
TORCH ?= cpu
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-$(TORCH)
DEMO ?= demo
ROUNDS ?= 200
SERVER_ROUNDS ?= 100
DECIDED_ROUNDS ?= 50
SEED ?= 0
TESTS ?=
RECIPES ?= tests/documentation/test_recipes.py
GPU_PYTHON ?= python3
GPU_PYTHON_VERSION ?= 3.12
GPU_WHEELS ?= build/gpu-wheels
GPU_SITE ?= build/gpu-site
GPU_OUT ?= build/gpu.json
GPU_OPTIONS ?=
GPU_KEPT ?= build/gpu-recipe
GPU_MINUTES ?= 9
# The first are those of gpu-check; gpu-recipe, which launches a study, needs the others too.
GPU_PACKAGES := annotated-types|pydantic|pydantic-core|pyyaml|typing-extensions|typing-inspection|alembic|click|cloudpickle|colorlog|joblib|mako|markdown-it-py|markupsafe|mdurl|optuna|packaging|psutil|pygments|rich|sqlalchemy|tqdm
APT := -o Acquire::Retries=0 -o Acquire::http::Timeout=20

.DEFAULT_GOAL := help
.PHONY: gpu-check gpu-recipe gpu-site gpu-wheels help setup demo test lint format type unit coverage test-postgres test-recipes test-oldest chaos bench docs audit clean

help:
	@echo "make demo    set up, run a real study on an embedded corpus, write its report"
	@echo "make test    set up, lint, check types, run all tests"
	@echo "make coverage   all tests, and which lines and branches of sweeper and reports they reach: 90 % at least"
	@echo "make test-postgres   the store's tests on PostgreSQL, which Debian's package manager installs if it is not there"
	@echo "make test-recipes   the recipes of the documentation, with the packages that they need, in .venv-recipes"
	@echo "make test-oldest   all tests with the oldest packages that pyproject.toml admits, in .venv-oldest"
	@echo "make chaos   350 studies, 100 of them on PostgreSQL, while faults of 33 kinds happen to them at random: two hours"
	@echo "make bench   the measurements behind docs/performance.md, ten minutes, and the page itself"
	@echo "make gpu-check   the trainer on a GPU: checks and measurements, nine minutes; GPU_PYTHON names a Python with PyTorch"
	@echo "make gpu-recipe   studies/wt2-gpu.yaml on a GPU, nine minutes a call; the next call continues from $(GPU_KEPT)"
	@echo "make gpu-wheels   what both need besides PyTorch and NumPy, in $(GPU_WHEELS), for a GPU machine without a network"
	@echo "make docs    the documentation as a site, in site/"
	@echo "make audit   known holes in the locked packages, as an advisory service on the network knows them"
	@echo "make setup lint format type unit clean"

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found. Install Python 3.11, or name another: make PYTHON=python3 …"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	# The lock names every package, so nothing is resolved: --no-deps keeps PyTorch from pulling CUDA libraries.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
	if [ "$(TORCH)" = cuda ]; then $(BIN)/python -m pip install --quiet --disable-pip-version-check --force-reinstall torch==2.13.0; fi
	@$(BIN)/python -c "import torch" 2>/dev/null || { echo "PyTorch does not load: this package index serves its CUDA build only."; \
	  echo "Take that (make setup TORCH=cuda) or see CONTRIBUTING.md: choose the CPU or the CUDA build."; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	rm -f $(VENV)/.installed-*
	touch $@

demo: setup
	mkdir -p $(DEMO)
	$(BIN)/sweeper launch studies/quickstart.yaml --store sqlite:///$(DEMO)/sweeper.db
	$(BIN)/sweeper report quickstart --store sqlite:///$(DEMO)/sweeper.db --out $(DEMO)/report

# Lint and types use one core each, and side by side take as long as the longer; the tests use both.
test: setup
	$(MAKE) --no-print-directory --jobs=2 --output-sync lint type
	$(MAKE) --no-print-directory unit

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive sweeper trainer reports studies tools

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

type: setup
	$(BIN)/mypy

# Hundreds of processes that tests start import us. Where PYTHONDONTWRITEBYTECODE is set, as in many containers, each
# would compile all that it imports: a fifth of its start.
unit: setup
	$(BIN)/python -m compileall -q sweeper trainer reports studies tests
	# A third worker uses the time in which tests wait for processes.
	$(BIN)/python -m pytest -n 3 --dist worksteal

# Slots, trials and the command line run in processes of their own: each writes a file, and combine joins them.
coverage: setup
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 2 --dist worksteal
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

test-postgres: setup
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null \
	  || { apt-get update -qq $(APT) && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(APT) --no-install-recommends postgresql >/dev/null; } \
	  || { echo "PostgreSQL is not installed, and apt-get could not install it: it needs Debian or Ubuntu, root and a package mirror."; exit 3; }
	SWEEPER_TEST_STORE=postgresql $(BIN)/python -m pytest -n 2 --dist worksteal tests/sweeper/store

# The packages that recipes need are put above those of $(VENV), which stays as it is.
test-recipes: setup
	test -x $(VENV)-recipes/bin/python || $(BIN)/python -m venv $(VENV)-recipes
	$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" \
	  > "$$($(VENV)-recipes/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/below.pth"
	$(VENV)-recipes/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.recipes.lock
	PYTHONPATH="$(CURDIR)" PATH="$(abspath $(BIN)):$$PATH" $(VENV)-recipes/bin/python -m pytest -n 2 --dist worksteal $(RECIPES)

# Warnings are no errors here: old packages warn of what newer ones have changed.
test-oldest:
	test -x $(VENV)-oldest/bin/python || $(PYTHON) -m venv $(VENV)-oldest
	$(VENV)-oldest/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.oldest.lock
	$(VENV)-oldest/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(VENV)-oldest/bin/python -m pytest -n 2 --dist worksteal -W default $(TESTS)

chaos: setup
	@mkdir -p build
	$(BIN)/python -m tests.chaos --rounds $(ROUNDS) --seed $(SEED) --json build/chaos-sqlite.json
	$(BIN)/python -m tests.chaos --rounds $(DECIDED_ROUNDS) --seed $(SEED) --program "seeds until decided" --json build/chaos-decided.json
	$(BIN)/python -m tests.chaos --rounds $(SERVER_ROUNDS) --seed $(SEED) --database postgresql --json build/chaos-postgresql.json

# On a machine that has PyTorch and a GPU and nothing of ours. The packages come from $(GPU_WHEELS), if that is there.
gpu-site:
	@if [ -d "$(GPU_WHEELS)" ]; then $(GPU_PYTHON) -m pip install --quiet --no-index --no-deps --no-compile --upgrade \
	  --target "$(GPU_SITE)" "$(GPU_WHEELS)"/*.whl; fi

gpu-check: gpu-site
	PYTHONPATH="$(CURDIR):$(abspath $(GPU_SITE))" PYTHONUNBUFFERED=1 $(GPU_PYTHON) -m benchmarks.gpu --out "$(GPU_OUT)" $(GPU_OPTIONS)

gpu-recipe: gpu-site
	PYTHONPATH="$(CURDIR):$(abspath $(GPU_SITE))" PYTHONUNBUFFERED=1 $(GPU_PYTHON) -m benchmarks.gpu.recipe --kept "$(GPU_KEPT)" \
	  --minutes "$(GPU_MINUTES)" --figures "$(GPU_OUT)" $(GPU_OPTIONS)

gpu-wheels:
	mkdir -p "$(GPU_WHEELS)"
	grep -E '^($(GPU_PACKAGES))==' requirements.lock > "$(GPU_WHEELS)/requirements.txt"
	$(PYTHON) -m pip download --quiet --no-deps --only-binary=:all: --implementation cp --python-version $(GPU_PYTHON_VERSION) \
	  --platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64 --dest "$(GPU_WHEELS)" -r "$(GPU_WHEELS)/requirements.txt"

bench: setup
	$(BIN)/python -m benchmarks

# In an environment of its own, for pip-audit brings many packages; it needs the network (exit code 3 without).
audit: setup
	test -x $(VENV)-audit/bin/python || $(PYTHON) -m venv $(VENV)-audit
	$(VENV)-audit/bin/python -m pip install --quiet --disable-pip-version-check "pip-audit==2.10.1"
	$(BIN)/python -m tools.audit $(VENV)-audit/bin/pip-audit requirements.lock

# In an environment of its own: the site needs nothing of ours, and its packages shall not touch those of the lock.
docs:
	test -x $(VENV)-docs/bin/python || $(PYTHON) -m venv $(VENV)-docs
	$(VENV)-docs/bin/python -m pip install --quiet --disable-pip-version-check "mkdocs-material>=9.8,<10"
	NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/mkdocs build --strict --site-dir site

clean:
	rm -rf $(VENV) $(VENV)-docs $(VENV)-audit $(VENV)-oldest $(VENV)-recipes $(DEMO) site build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
