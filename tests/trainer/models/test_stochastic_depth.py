"""Test that stochastic depth leaves out parts of layers, more of them towards the output."""

import math
from typing import Any

import pytest
import torch

from trainer.config import parse
from trainer.models.dropout_masks import LayerMasks, depth_rates
from trainer.models.gpt import GPT
from trainer.models.language_model import LanguageModel
from trainer.models.products import set_products
from trainer.models.transformer_xl import TransformerXL
from trainer.regularizers import Factors
from trainer.setup import build_model

BATCH = 2000


def model_of(kind: str, layers: int = 3, **rates: float) -> LanguageModel:
    model: dict[str, Any] = {"kind": kind, "layers": layers, "d_model": 8, "heads": 2}
    if kind == "transformer_xl":
        model["pre_norm"] = True  # after a norm, nothing would be left as it was
    config = parse({"model": model, "regularization": rates})
    return build_model(config, 11, torch.device("cpu")).train()


def drawn(model: LanguageModel, batch: int) -> tuple[LayerMasks, ...]:
    assert isinstance(model, GPT | TransformerXL)
    return model._draw((batch, 4), 4).layers


def test_the_rate_rises_linearly_to_the_last_layer() -> None:
    assert depth_rates(4, 0.2) == pytest.approx([0.05, 0.1, 0.15, 0.2])


@pytest.mark.parametrize("kind", ["transformer_xl", "gpt2"])
def test_each_part_is_left_out_for_its_share_of_streams_and_its_mean_stays(kind: str) -> None:
    for number, masks in enumerate(drawn(model_of(kind, stochastic_depth=0.6), BATCH), start=1):
        for mask, scale in (masks.attended, masks.outer):
            assert mask is not None
            assert scale == 1.0
            assert mask.shape == (BATCH, 1, 1)
            rate = 0.6 * number / 3
            assert mask.unique().tolist() == pytest.approx([0.0, 1 / (1 - rate)])
            share = (mask == 0).double().mean().item()
            assert share == pytest.approx(rate, abs=5 * math.sqrt(rate * (1 - rate) / BATCH))
        assert masks.inner == masks.projections == masks.attention == Factors()
        assert masks.attended.mask is not None
        assert not torch.equal(masks.attended.mask, masks.outer.mask)


def test_dropout_of_features_and_of_parts_multiply() -> None:
    for number, masks in enumerate(drawn(model_of("gpt2", stochastic_depth=0.6, dropout=0.5), BATCH), start=1):
        mask = masks.outer.mask
        assert mask is not None
        assert mask.shape == (BATCH, 1, 8)
        left_out, rate = (mask == 0).all(2).double().mean().item(), 0.6 * number / 3
        assert left_out == pytest.approx(rate + (1 - rate) * 0.5**8, abs=0.05)
        assert mask.max().item() == pytest.approx(2 / (1 - rate))


def test_in_mixed_precision_parts_are_left_out_by_zeros_and_ones_and_scaled_by_the_weights() -> None:
    model = model_of("gpt2", stochastic_depth=0.6, dropout=0.5)
    set_products(model, torch.bfloat16)
    for number, masks in enumerate(drawn(model, BATCH), start=1):
        mask, scale = masks.outer
        assert mask is not None
        assert mask.unique().tolist() == [0.0, 1.0]
        assert scale == pytest.approx(2 / (1 - 0.6 * number / 3))


@pytest.mark.parametrize("kind", ["transformer_xl", "gpt2"])
def test_a_layer_whose_parts_are_left_out_is_no_layer(kind: str) -> None:
    whole = model_of(kind, layers=3).double()
    fewer = model_of(kind, layers=2).double()
    fewer.load_state_dict({name: whole.state_dict()[name] for name in fewer.state_dict()})
    assert isinstance(whole, GPT | TransformerXL)
    inputs = torch.randint(11, (2, 5), generator=torch.Generator().manual_seed(0))
    plain, draw = whole(inputs, inputs, None)[0], whole._draw
    for kept, expected in ((0.0, fewer(inputs, inputs, None)[0]), (1.0, plain)):
        mask = Factors(torch.full((2, 1, 1), kept, dtype=torch.float64))

        def masked(*arguments: Any, mask: Factors = mask) -> Any:
            masks = draw(*arguments)
            last = masks.layers[2]._replace(attended=mask, outer=mask)
            return masks._replace(layers=(*masks.layers[:2], last))

        whole._draw = masked  # type: ignore[method-assign]
        torch.testing.assert_close(whole(inputs, inputs, None)[0], expected)
    assert not torch.isclose(plain, fewer(inputs, inputs, None)[0])
