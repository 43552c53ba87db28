"""Load checkpoints of the upstream PyTorch Transformer-XL: map its parameter names and its configuration."""

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor

from trainer.config.model import ModelConfig, RegularizationConfig
from trainer.models.transformer_xl import TransformerXL

STATE_PREFIX: Final = "state."
# Upstream's name for a tied weight, and its buffer; both follow from the loaded weights.
IMPLIED: Final = ("crit.out_layers.0.weight", "pos_emb.inv_freq")
_TOP: Final = {
    "embedding": "word_emb.emb_layers.0.weight",
    "content_bias": "r_w_bias",
    "position_bias": "r_r_bias",
    "softmax_bias": "crit.out_layers.0.bias",
    "cluster_weight": "crit.cluster_weight",
    "cluster_bias": "crit.cluster_bias",
}
_LAYER: Final = {
    "attention.queries_keys_values": "dec_attn.qkv_net.0.weight",
    "attention.positions": "dec_attn.r_net.weight",
    "attention.output": "dec_attn.o_net.weight",
    "attention.norm.weight": "dec_attn.layer_norm.weight",
    "attention.norm.bias": "dec_attn.layer_norm.bias",
    "feed_forward.inner": "pos_ff.CoreNet.0.weight",
    "feed_forward.inner_bias": "pos_ff.CoreNet.0.bias",
    "feed_forward.outer": "pos_ff.CoreNet.3.weight",
    "feed_forward.outer_bias": "pos_ff.CoreNet.3.bias",
    "feed_forward.norm.weight": "pos_ff.layer_norm.weight",
    "feed_forward.norm.bias": "pos_ff.layer_norm.bias",
}


def upstream_names(model: TransformerXL) -> dict[str, str]:
    """Map each of our parameter names to upstream's; the mapping is one to one.

    The original code has `dec_attn.qkv_net.weight` where the small-data fork has `dec_attn.qkv_net.0.weight`;
    `transformer_xl_from_upstream` accepts both.
    """
    names = {}
    for name, _ in model.named_parameters():
        if name.startswith("layers."):
            _, number, inner = name.split(".", 2)
            names[name] = f"layers.{number}.{_LAYER[inner]}"
        else:
            names[name] = _TOP[name]
    return names


def transformer_xl_from_upstream(state: Mapping[str, Tensor], config: Mapping[str, Any]) -> TransformerXL:
    """Build our Transformer-XL with upstream's weights, in their data type and without dropout.

    Args:
        state: upstream's parameters by name, with or without the prefix ``state.``.
        config: upstream's arguments n_layer, n_head, d_model, d_head, d_inner, mem_len, cutoffs, pre_lnorm,
            same_length and clamp_len. The vocabulary size comes from the weights; ``div_val`` must be 1 and
            ``d_embed`` equal to d_model.

    Raises:
        ValueError: the architecture has no counterpart here, or the names in `state` do not match the model.
    """
    if config.get("div_val", 1) != 1 or config.get("d_embed", config["d_model"]) != config["d_model"]:
        raise ValueError(
            "div_val must be 1 and d_embed must equal d_model, because projected embeddings are not supported, but got "
            f"div_val={config.get('div_val')}, d_embed={config.get('d_embed')}, d_model={config['d_model']}."
        )
    given = {_canonical(name): value for name, value in state.items()}
    vocabulary_size = given[_TOP["embedding"]].shape[0]
    model = TransformerXL(_model_config(config), RegularizationConfig(), vocabulary_size)
    names = upstream_names(model)
    _check_names(set(names.values()), set(given) - set(IMPLIED))
    model.to(given[_TOP["embedding"]].dtype)
    if IMPLIED[1] in given:
        model.frequencies = given[IMPLIED[1]].clone()
    model.score_rounding = torch.float32
    model.load_state_dict({ours: given[theirs] for ours, theirs in names.items()})
    return model


def _canonical(name: str) -> str:
    name = name.removeprefix(STATE_PREFIX)
    return name.replace("qkv_net.weight", "qkv_net.0.weight")


def _model_config(config: Mapping[str, Any]) -> ModelConfig:
    clamp_length = config.get("clamp_len", -1)
    return ModelConfig(
        layers=config["n_layer"],
        d_model=config["d_model"],
        heads=config["n_head"],
        d_head=config["d_head"],
        d_inner=config["d_inner"],
        memory_length=config["mem_len"],
        pre_norm=config.get("pre_lnorm", False),
        same_length=config.get("same_length", False),
        clamp_length=clamp_length if clamp_length > 0 else None,
        adaptive_cutoffs=list(config.get("cutoffs", [])),
    )


def _check_names(expected: set[str], given: set[str]) -> None:
    missing, unknown = sorted(expected - given), sorted(given - expected)
    if missing or unknown:
        raise ValueError(f"the state does not match this configuration: missing {missing}, unknown {unknown}.")
