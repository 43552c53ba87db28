"""Test the messages for wrong configurations and command lines: place, value, rule and remedy."""

from pathlib import Path

import pytest

from trainer.command_line import main
from trainer.config.file import read_config
from trainer.errors import UsageError

STEPS = "budget: {steps: 1}\n"
# The file, and what its message must hold, in this order.
CONFIGS: dict[str, tuple[str, list[str]]] = {
    "an unknown key that is near a known one": (
        STEPS + "model: {layer: 4}",
        ["c.yaml:2:9: model.layer: 'layer' is an unknown key.", "Did you mean 'layers'?", "Allowed keys: ", "d_model"],
    ),
    "an unknown section": (
        STEPS + "modle: {layers: 4}",
        ["2:1: modle: 'modle' is an unknown key. Did you mean 'model'?"],
    ),
    "a key far from any": (
        STEPS + "xyzzy: 1",
        ["2:1: xyzzy: 'xyzzy' is an unknown key. Allowed keys: budget, checkpoint, compile, data"],
    ),
    "a number as a word": (
        STEPS + "model:\n  layers: four",
        ["3:11: model.layers: 'four' is not an integer. Model depth counts layers, e.g. [2, 4]."],
    ),
    "a fraction of a layer": (STEPS + "model: {layers: 2.5}", ["2:17: model.layers: 2.5 is not an integer."]),
    "truth as a number": (STEPS + "model: {layers: true}", ["model.layers: true is not an integer."]),
    "no layers": (STEPS + "model: {layers: 0}", ["model.layers: 0 is less than the minimum, 1."]),
    "a same length of nothing": (
        STEPS + "model: {same_length: true, memory_length: 0}",
        ["2:8: model: same_length = true with memory_length = 0 leaves no token to attend to. Use"],
    ),
    "a same length of nothing in evaluation": (
        STEPS + "model: {same_length: true}\nevaluation: {memory_length: 0}",
        ["3:29: evaluation.memory_length: 0 with model.same_length leaves no token to attend to. Use e.g. 32"],
    ),
    "an odd width": (STEPS + "model: {d_model: 63}", ["model.d_model: 63 is not a multiple of 2.", "e.g. 64"]),
    "heads that do not divide the width": (
        STEPS + "model: {d_model: 64, heads: 5}",
        ["2:8: model: d_model = 64 is not divisible by heads = 5. Choose another number of heads, or set d_head."],
    ),
    "an architecture misspelt": (
        STEPS + "model: {kind: transformerxl}",
        ["model.kind: 'transformerxl' is not one of transformer_xl", "Did you mean 'transformer_xl'?"],
    ),
    "cutoffs that fall": (
        STEPS + "model: {adaptive_cutoffs: [40, 20]}",
        ["[40, 20] must be ascending, e.g. [20000, 40000]"],
    ),
    "one cutoff, not in a list": (STEPS + "model: {adaptive_cutoffs: 20}", ["20 is not a list. Frequency ranks"]),
    "a word among the cutoffs": (
        STEPS + "model: {adaptive_cutoffs: [10, a]}",
        ["2:32: model.adaptive_cutoffs[1]: 'a' is not an integer."],
    ),
    "everything dropped": (
        STEPS + "regularization: {embedding_dropout: 1.0}",
        ["regularization.embedding_dropout: 1.0 is not less than 1. Probability of dropping a whole word type"],
    ),
    "two mistakes in one section": (
        STEPS + "regularization:\n  dropout: -0.1\n  input_dropout: 20%",
        [
            "3:12: regularization.dropout: -0.1 is less than the minimum, 0.",
            "\n",
            "4:18: regularization.input_dropout: '20%' is not",
        ],
    ),
    "a learning rate of nothing": (
        STEPS + "optimizer: {learning_rate: 0}",
        ["learning_rate: 0 is not greater than 0."],
    ),
    "a learning rate that is none": (STEPS + "optimizer: {learning_rate: .nan}", ["nan is not a finite number."]),
    "a kind in capitals": (
        STEPS + "optimizer: {kind: Adam}",
        ["optimizer.kind: 'Adam' is not one of adam, adamw", "Did you mean 'adam'?"],
    ),
    "gradients clipped to nothing": (
        STEPS + "optimizer: {clip: 0}",
        ["clip: 0 is not greater than 0.", "null for no limit"],
    ),
    "a corpus misspelt": (
        STEPS + "data: {corpus: wikitext2}",
        ["data.corpus: 'wikitext2' is not one of pydocs", "Did you mean 'wikitext-2'?"],
    ),
    "no corpus after the colon": (STEPS + "data: {corpus: }", ["2:15: data.corpus: has no value. "]),
    "any folder, but which": (
        STEPS + "data: {corpus: folder}",
        ["data: corpus = folder needs data.folder too, e.g. {corpus: folder, folder: my/texts}."],
    ),
    "a rate of no noise": (
        STEPS + "data: {noise_rate: 0.2}",
        ["data: noise_rate = 0.2 has no effect with noise = none."],
    ),
    "a random rate of no noise": (
        STEPS + "data: {random_noise_rate: true}",
        ["2:27: data.random_noise_rate: true has no effect with data.noise none: only blank, unigram", "Remove it"],
    ),
    "a random rate of 0": (
        STEPS + "data: {noise: blank, random_noise_rate: true}",
        ["data: random_noise_rate = true has no effect with noise_rate = 0. Set noise_rate too", "or set", "to false."],
    ),
    "a weight of noise at a rate of 0": (
        STEPS + "data: {noise: blank, noise_weight: 0.4}",
        ["data: noise_weight = 0.4 has no effect with noise_rate = 0. Set noise_rate too", "noise_weight to null."],
    ),
    "a folder of a text that needs none": (
        STEPS + "data: {folder: my/texts}",
        [
            "2:16: data.folder: 'my/texts' has no effect with data.corpus pydocs, which needs no files. For",
            "remove it.",
        ],
    ),
    "noise by another name": (STEPS + "data: {noise: unigrams}", ["Did you mean 'unigram'?"]),
    "a batch of a fraction": (
        STEPS + "data: {batch_size: 16.0}",
        ["data.batch_size: 16.0 is not written as an integer. Use 16."],
    ),
    "a section that is a list": (STEPS + "data: [ptb]", ["2:7: data: ['ptb'] is not a mapping of keys to values."]),
    "a section that is a word": (STEPS + "data: ptb", ["2:7: data: 'ptb' is not a mapping of keys to values."]),
    "a device by another name": (
        STEPS + "device: gpu",
        ["device: 'gpu' is not one of auto, cpu, cuda. Did you mean 'cuda'?"],
    ),
    "a negative seed": (
        STEPS + "seed: -1",
        ["seed: -1 is less than the minimum, 0. Random seed, an integer of at least 0."],
    ),
    "a seed in words": (STEPS + "seed: one", ["seed: 'one' is not an integer."]),
    "a mapping where a number belongs": (
        STEPS + "model: {layers: {a: 1}}",
        ["model.layers: {'a': 1} is not an integer."],
    ),
    "no evaluation": (STEPS + "evaluation: {times: 0}", ["evaluation.times: 0 is less than the minimum, 1."]),
    "truth in words": (STEPS + "evaluation: {test: maybe}", ["'maybe' is not true, false or each_look."]),
    "checkpoints all the time": (STEPS + "checkpoint: {every_seconds: 0}", ["every_seconds: 0 is not greater than 0."]),
    "an option that the architecture lacks": (
        STEPS + "model: {kind: gpt2, clamp_length: 3}",
        ["2:35: model.clamp_length: 3 has no effect with model.kind gpt2: only transformer_xl"],
    ),
    "two budgets": (
        "budget: {steps: 10, epochs: 2}",
        ["1:9: budget: needs exactly one of steps, tokens and epochs, but got steps and"],
    ),
    "an empty budget": ("budget: {}", ["budget: needs exactly one of steps, tokens and epochs, but got none."]),
    "a budget without its unit": ("budget: 3000", ["budget: 3000 is not a mapping", "e.g. {steps: 3000}"]),
    "a budget's key misspelt": (
        "budget: {step: 100}",
        ["1:10: budget.step: 'step' is an unknown key. Did you mean 'steps'?"],
    ),
    "no budget": (
        "model: {layers: 2}",
        ["c.yaml: budget: is missing. Set how long to train, e.g. budget: {steps: 3000}."],
    ),
    "an empty file": ("", ["c.yaml: budget: is missing."]),
    "a key given twice": (
        STEPS + "seed: 1\nseed: 2",
        ["3:1: seed: is a duplicate key; the first is in line 2. Keep one."],
    ),
    "a key that is a list": (STEPS + "? [a]\n: 2", ["c.yaml:2:3: a key must be a plain string. Write `name: value`."]),
    "a key that is a number": (STEPS + "1: 2", ["2:1: 1: '1' is an unknown key."]),
    "brackets that do not close": ("budget: {steps: 1\nmodel: {", ["c.yaml:2:6: not YAML: expected ','"]),
    "a tab": ("budget:\n\tsteps: 1", ["c.yaml:2:1: YAML cannot be indented with tabs. Use spaces."]),
    "two documents": (STEPS + "---\n" + STEPS, ["c.yaml:2:1: a second document begins here (---)."]),
    "a list of configurations": ("- a\n- b", ["c.yaml:1:1: a configuration is a mapping of keys to values"]),
    "a sentence": ("just text", ["c.yaml:1:1: a configuration is a mapping of keys to values"]),
    "an alias within itself": (
        STEPS + "model: &a [*a]",
        ["an alias (*name) refers to something that contains it. Write it out."],
    ),
    "code": (
        STEPS + "model: !!python/object:os.system {}",
        ["2:8: model: the tag '!!python/object:os.system' is not allowed. Use plain strings, numbers"],
    ),
    "a date": (STEPS + "seed: !!timestamp 2020-01-01", ["seed: the tag '!!timestamp' is not allowed."]),
    "a character out of place": (STEPS + "\x01", ["c.yaml:2:1: the character '\\x01' is not allowed in YAML."]),
}


def message_of(tmp_path: Path, content: str) -> str:
    path = tmp_path / "c.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_config(path)
    return str(caught.value)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_mistake_is_told_with_place_value_and_remedy(tmp_path: Path, name: str) -> None:
    content, parts = CONFIGS[name]
    message = message_of(tmp_path, content)
    position = 0
    for part in parts:
        position = message.find(part, position)
        assert position >= 0, f"{part!r} is not, or not in this order, in:\n{message}"
    assert "Traceback" not in message
    assert all(str(tmp_path) in line for line in message.splitlines())


def test_the_corpora_are_broad() -> None:
    assert len(CONFIGS) >= 50
    assert len(COMMANDS) >= 14


def test_all_mistakes_of_a_file_are_told_at_once_by_line(tmp_path: Path) -> None:
    content = "seed: x\nmodel:\n  heads: 0\n  layres: 2\ndata: {corpus: ptbb}\n" + STEPS
    lines = message_of(tmp_path, content).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["seed", "model.heads", "model.layres", "data.corpus"]


def test_aliases_that_multiply_are_stopped(tmp_path: Path) -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "too many values" in message_of(tmp_path, "\n".join(lines))


def test_numbers_are_read_as_everybody_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("optimizer: {learning_rate: 1e-3, weight_decay: 1.2e-6}\nbudget: {steps: 10_000}\n")
    config = read_config(path)
    assert (config.optimizer.learning_rate, config.optimizer.weight_decay) == (1e-3, 1.2e-6)
    assert config.budget is not None
    assert config.budget.steps == 10_000


def test_json_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text('{"budget": {"steps": 5}, "optimizer": {"learning_rate": 1e-05}, "data": {"folder": null}}')
    assert read_config(path).optimizer.learning_rate == 1e-5


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.yaml:1:1: there is no such file"):
        read_config(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"# \xe9\n")
    with pytest.raises(UsageError, match=r"latin\.yaml:1:1: byte 0xe9 is not UTF-8\."):
        read_config(tmp_path / "latin.yaml")
    with pytest.raises(UsageError, match="is a directory"):
        read_config(tmp_path)


# Command lines: the arguments ({0} is the test's directory), and a part of the message.
COMMANDS: dict[str, tuple[list[str], str]] = {
    "nothing": ([], "the following arguments are required: CONFIG, --run-dir"),
    "no folder": (["{0}/good.yaml"], "the following arguments are required: --run-dir"),
    "no such configuration": (["{0}/none.yaml", "--run-dir", "{0}/run"], "none.yaml:1:1: there is no such file"),
    "an unknown option": (["{0}/good.yaml", "--run-dir", "{0}/run", "--gpu"], "unrecognized arguments: --gpu"),
    "an option cut short": (["{0}/good.yaml", "--run", "{0}/run"], "the following arguments are required: --run-dir"),
    "a file as the folder": (
        ["{0}/good.yaml", "--run-dir", "{0}/good.yaml"],
        "is not a directory. Choose another --run-dir.",
    ),
    "a run that is there": (
        ["{0}/good.yaml", "--run-dir", "{0}/old"],
        "already holds a run (metrics.jsonl). Add --resume, or choose another --run-dir.",
    ),
    "a bad configuration": (
        ["{0}/bad.yaml", "--run-dir", "{0}/run"],
        "bad.yaml:1:9: model.layer: 'layer' is an unknown key.",
    ),
    "nothing to compile for": (
        ["{0}/compile.yaml", "--run-dir", "{0}/run"],
        "compile: true needs a GPU, but this run is on the CPU. Set it to false.",
    ),
    "no GPU": (
        ["{0}/cuda.yaml", "--run-dir", "{0}/run"],
        "device: 'cuda' needs a GPU, but PyTorch sees none here.",
    ),
    "a folder of data that is none": (
        ["{0}/nodata.yaml", "--run-dir", "{0}/run"],
        "data.folder: '/no/such/place' is not a directory. Use the directory that holds train.txt, valid.txt, ",
    ),
    "a folder without text": (
        ["{0}/notext.yaml", "--run-dir", "{0}/run"],
        "has too little text: 0 lines in .txt and .md files. Provide train.txt, valid.txt and test.txt",
    ),
    "too little text to evaluate": (
        ["{0}/evaluation.yaml", "--run-dir", "{0}/run"],
        "data.corpus: the validation text has 1 tokens, but needs at least 2.",
    ),
    "more streams than text": (
        ["{0}/wide.yaml", "--run-dir", "{0}/run"],
        "data.batch_size: 60 streams need at least 120 tokens, but the training text has 100.",
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "good.yaml": STEPS,
        "bad.yaml": "model: {layer: 1}\n" + STEPS,
        "cuda.yaml": "device: cuda\n" + STEPS,
        "compile.yaml": "{compile: true, device: cpu, budget: {steps: 1}}",
        "nodata.yaml": "data: {corpus: ptb, folder: /no/such/place}\n" + STEPS,
        "notext.yaml": f"data: {{corpus: folder, folder: {tmp_path / 'empty'}}}\n" + STEPS,
        "evaluation.yaml": f"data: {{corpus: folder, folder: {tmp_path / 'short'}}}\n" + STEPS,
        "wide.yaml": "data: {batch_size: 60, max_train_tokens: 100}\n" + STEPS,
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "old").mkdir()
    (tmp_path / "empty").mkdir()
    (tmp_path / "short").mkdir()
    for part, text in (("train", "a b\n" * 400), ("valid", "\n"), ("test", "a b\n")):
        (tmp_path / "short" / f"{part}.txt").write_text(text)
    (tmp_path / "old" / "metrics.jsonl").write_text("{}\n")
    return tmp_path


@pytest.mark.parametrize("name", COMMANDS)
def test_a_wrong_command_ends_with_2_a_message_and_no_files(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    import torch

    if name == "no GPU" and torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    arguments, part = COMMANDS[name]
    before = sorted(folder.rglob("*"))
    try:
        code = main([argument.format(folder) for argument in arguments])
    except SystemExit as error:  # argparse's own
        code = int(error.code or 0)
    captured = capsys.readouterr()
    assert code == 2
    assert part in captured.err
    assert not captured.out
    assert "Traceback" not in captured.err
    assert sorted(folder.rglob("*")) == before


def test_help_tells_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert "3 diverged, 4 out of memory" in capsys.readouterr().out.replace("\n", " ")
