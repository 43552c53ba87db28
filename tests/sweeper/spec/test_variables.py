"""Variables of a study: which values are probably secrets, and documents without them."""

import pytest

from sweeper.spec.variables import is_secret, without_secrets


@pytest.mark.parametrize(
    "name",
    ["HF_TOKEN", "WANDB_API_KEY", "AWS_SECRET_ACCESS_KEY", "DB_PASSWORD", "PGPASSWORD", "APIKEY", "key", "MY_SECRETS"],
)
def test_values_of_such_names_are_probably_secrets(name: str) -> None:
    assert is_secret(name, "0123456789abcdef")
    assert not is_secret(name, f"${{{name}}}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOKENIZERS_PARALLELISM", "sometimes"),
        ("MAX_TOKENS", "1000000"),
        ("TOKEN_COUNT", "12"),
        ("KEY_CHECKS", "true"),
        ("MONKEY", "0123456789abcdef"),
        ("OMP_NUM_THREADS", "4"),
    ],
)
def test_other_values_are_not(name: str, value: str) -> None:
    assert not is_secret(name, value)


def test_a_document_and_its_source_are_shown_without_secrets() -> None:
    spec = {"study": "s", "trial": {"program": "trainer", "environment": {"HF_TOKEN": "hf_abcdef", "MODE": "fast"}}}
    source = "study: s\ntrial:\n  environment: {HF_TOKEN: hf_abcdef, MODE: fast}\n"
    found, text = without_secrets(spec, source)
    assert found["trial"]["environment"] == {"HF_TOKEN": "***", "MODE": "fast"}
    assert text == source.replace("hf_abcdef", "***")
    assert without_secrets(found, text) == (found, text)
    assert without_secrets({"study": "s"}, "") == ({"study": "s"}, "")
