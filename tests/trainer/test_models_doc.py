"""Test that the trainer accepts every configuration in docs/models.md."""

import re
from pathlib import Path

import pytest
import yaml

from trainer.config import resolve, training_flops

PAGE = Path(__file__).resolve().parents[2] / "docs" / "models.md"
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def test_the_page_has_configurations() -> None:
    assert len(BLOCKS) >= 3


@pytest.mark.parametrize("block", BLOCKS)
def test_a_configuration_of_the_page_is_taken(block: str) -> None:
    config = yaml.safe_load(block)
    assert resolve(config)["budget"] == {"steps": None, "tokens": None, "epochs": None, **config["budget"]}
    assert training_flops(config, 1) > 0
