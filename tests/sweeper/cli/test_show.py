"""`sweeper show` as text."""

from sweeper.cli.show import _lines


def test_null_is_a_level_like_others_in_the_configuration_and_left_out_elsewhere() -> None:
    document = {
        "message": None,
        "configuration": {"clip": None, "tied": True},
        "config": {"model": {"clip": None, "layers": []}},
        "result": {"outcome": None, "best": 1.5},
    }
    assert _lines(document.items(), 0) == [
        "configuration:",
        "  clip: null",
        "  tied: true",
        "config:",
        "  model:",
        "    clip: null",
        "    layers: []",
        "result:",
        "  best: 1.5",
    ]
