"""The container file copies what is there, and agrees with the lock and the Makefile; building it needs an engine."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Containerfile").read_text(encoding="utf-8")


def test_what_it_copies_is_there_and_not_left_out_of_the_context() -> None:
    sources = [word for line in re.findall(r"^COPY (?!--from)(.+)$", TEXT, re.MULTILINE) for word in line.split()[:-1]]
    assert {"sweeper", "trainer", "reports", "studies", "requirements.lock", "pyproject.toml"} <= set(sources)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source not in ignored


def test_it_installs_the_pytorch_of_the_lock() -> None:
    (locked,) = re.findall(r"^torch==\S+$", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"torch==[^\s;]+", TEXT)) == {locked}
    assert locked in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_trials_do_not_run_as_root_and_the_command_is_sweeper() -> None:
    assert re.search(r"^USER sweeper$", TEXT, re.MULTILINE)
    assert TEXT.index("USER sweeper") < TEXT.index('ENTRYPOINT ["sweeper"]')
