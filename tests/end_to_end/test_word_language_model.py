"""`studies/word-language-model.yaml` runs unchanged on a stand-in with the command line and output of its script."""

import json
import shutil
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Workplace

STUDY = Path(__file__).parents[2] / "studies" / "word-language-model.yaml"
# Its options and output are those of word_language_model/main.py in PyTorch's examples; the loss is a formula.
STAND_IN = """
import argparse
import json
import math
import os

parser = argparse.ArgumentParser()
parser.add_argument("--data", type=str, default="./data/wikitext-2")
parser.add_argument("--model", type=str, default="LSTM")
parser.add_argument("--emsize", type=int, default=200)
parser.add_argument("--nhid", type=int, default=200)
parser.add_argument("--nlayers", type=int, default=2)
parser.add_argument("--lr", type=float, default=20)
parser.add_argument("--epochs", type=int, default=40)
parser.add_argument("--batch_size", type=int, default=20)
parser.add_argument("--dropout", type=float, default=0.2)
parser.add_argument("--tied", action="store_true")
parser.add_argument("--seed", type=int, default=1111)
parser.add_argument("--log-interval", type=int, default=200)
parser.add_argument("--save", type=str, default="model.pt")
args = parser.parse_args()
assert os.path.exists(os.path.join(args.data, "train.txt"))
print("Using device: cpu")
for epoch in range(1, args.epochs + 1):
    loss = 5 + 1 / epoch - 0.1 * args.dropout - 0.2 * args.tied + 0.001 * args.seed
    print("| epoch {:3d} | {:5d}/{:5d} batches | lr {:02.2f} | ms/batch {:5.2f} | "
          "loss {:5.2f} | ppl {:8.2f}".format(epoch, 20, 53, args.lr, 12.3, loss - 0.5, math.exp(loss - 0.5)))
    print("-" * 89)
    print("| end of epoch {:3d} | time: {:5.2f}s | valid loss {:5.2f} | "
          "valid ppl {:8.2f}".format(epoch, 1.2, loss, math.exp(loss)))
    print("-" * 89)
    with open(args.save, "w") as file:
        json.dump(vars(args), file)
print("=" * 89)
print("| End of training | test loss {:5.2f} | test ppl {:8.2f}".format(loss - 0.1, math.exp(loss - 0.1)))
print("=" * 89)
"""


@pytest.mark.slow
def test_a_public_script_is_swept_unmodified_over_two_factors(workplace: Workplace) -> None:
    (workplace.folder / "main.py").write_text(STAND_IN)
    (workplace.folder / "data" / "small").mkdir(parents=True)
    (workplace.folder / "data" / "small" / "train.txt").write_text("a text\n")
    shutil.copy(STUDY, workplace.folder / "study.yaml")
    launched = workplace.run("launch", "study.yaml", "--slots", "1")
    assert launched.returncode == 0, launched.stderr
    assert "word-language-model: 12 completed" in launched.stdout

    trials = json.loads(workplace.run("export", "word-language-model", "--table", "trials", "--format", "json").stdout)
    for trial in trials:
        saved = (
            workplace.folder / "sweeper-runs" / "word-language-model" / "both" / f"{trial['number']:05d}" / "model.pt"
        )
        given = json.loads(saved.read_text())
        factors = ("tied", "dropout", "seed")
        assert [given[name] for name in factors] == [trial[name] for name in factors]
        assert given["epochs"] == 6
    assert {(trial["tied"], trial["dropout"]) for trial in trials} == {
        (a, b) for a in (False, True) for b in (0.0, 0.3)
    }

    table = ("--table", "measurements", "--format", "json")
    rows = json.loads(workplace.run("export", "word-language-model", *table).stdout)
    last = {row["metric"]: row["value"] for row in rows if row["number"] == 0 and row["step"] == 6}
    assert set(last) == {"train_loss", "valid_perplexity", "test_perplexity"}
    assert last["train_loss"] == pytest.approx(4.67, abs=0.01)  # as the script rounds it
    assert {row["step"] for row in rows if row["metric"] == "valid_perplexity"} == set(range(1, 7))
    assert "supported  tying-helps" in workplace.run("claims", "word-language-model").stdout
