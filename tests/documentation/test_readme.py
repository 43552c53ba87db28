"""The README shows what sweeper prints for the study that it shows."""

from pathlib import Path

from click.testing import CliRunner

from sweeper.cli.main import cli
from sweeper.store.records import Lease
from tests.documentation.blocks import ROOT, blocks
from tests.documentation.finished import finished_study

README = ROOT / "README.md"

# Validation perplexity by dropout, tied, and seed: a run of that study on 28 November 2026, with commit 77f55b9 of
# PyTorch's examples on the first 400 lines of each part of WikiText-2.
PERPLEXITY = {
    (0.0, False): (899.63, 892.32, 892.8),
    (0.0, True): (726.5, 718.3, 704.19),
    (0.3, False): (760.86, 828.08, 782.64),
    (0.3, True): (777.92, 764.15, 732.53),
}


def measured(lease: Lease) -> float:
    levels = lease.configuration or {}
    return PERPLEXITY[levels["dropout"], levels["tied"]][lease.seed]


def test_the_readme_shows_the_verdicts_on_its_study(tmp_path: Path) -> None:
    (study,) = blocks(README, "yaml")
    (shown,) = blocks(README, "text")
    (tmp_path / "study.yaml").write_text(study.text, encoding="utf-8")
    store = f"sqlite:///{tmp_path}/sweeper.db"
    name = finished_study(store, tmp_path / "study.yaml", tmp_path, measured)
    printed = CliRunner().invoke(cli, ["claims", name, "--store", store])
    assert shown.text.split() == printed.output.split(), f"the README should show:\n{printed.output}"
    assert printed.exit_code == 1  # a claim is undecided
