"""Fewer attention heads: which matter least, and cutting them out.

Source: Michel et al. 2019, Are Sixteen Heads Really Better than One? Book: methods/head_pruning.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import nn

from bert_compression.checks import checked
from bert_compression.compression.distillation import model_inputs
from bert_compression.compression.layers import encoder_layers, self_attention
from bert_compression.compression.quantization import quantization_mode
from bert_compression.errors import BadInput, shown


@checked
def head_importance(model: nn.Module, batches: Iterable[dict[str, torch.Tensor]]) -> torch.Tensor:
    """How much does the loss feel each head? Shape (layers, heads), float32, each layer of length one.

    The sum over tokens of |<c, dL/dc>|, with c the head's context vector (its part of the input of the
    attention's output projection) and L the cross-entropy: the first-order change of the loss if the head
    were silenced at that token. Then each layer is divided by its Euclidean norm (Michel et al. 2019,
    section 4.1), which makes any per-layer average cancel. The released code takes the absolute value per
    token, as here; the paper's equation 2 takes it per example.

    `batches` yields the model's keyword arguments with `labels`, class numbers (batch,); give training data.
    The model's parameters and gradients are untouched. Raises BadInput for no batches, a model without such
    layers, one whose layers pass no gradient (int8, or frozen from the embeddings on), and batches without
    class labels.
    """
    layers = encoder_layers(model)
    if quantization_mode(model) == "int8":
        raise BadInput("int8 layers pass no gradient: score the heads before quantizing")
    heads = [self_attention(layer).num_attention_heads for layer in layers]
    if len(set(heads)) > 1:
        raise BadInput(
            f"the layers have different numbers of heads ({shown(heads)}): score the heads before pruning"
        )
    total = torch.zeros(len(layers), heads[0], device=next(model.parameters()).device)
    was_training = model.training
    model.eval()
    seen = False
    with torch.enable_grad():
        for batch in batches:
            total += _head_effects(model, layers, batch, heads[0])
            seen = True
    model.train(was_training)
    if not seen:
        raise BadInput("head importance needs at least one batch")
    if not total.isfinite().all():
        raise BadInput("the model's logits or gradients are not finite: they give no importance of heads")
    return (total / (total.norm(dim=1, keepdim=True) + 1e-20)).cpu()


def _head_effects(model: nn.Module, layers, batch: dict, heads: int) -> torch.Tensor:
    """Summed |<context, gradient>| of one batch, shape (layers, heads)."""
    if not isinstance(batch, Mapping) or "labels" not in batch:
        raise BadInput("head importance needs labels in every batch: the loss is the cross-entropy with them")
    contexts: list[torch.Tensor] = []
    hooks = [
        layer.attention.output.dense.register_forward_pre_hook(lambda _, args: contexts.append(args[0]))
        for layer in layers
    ]
    try:
        logits = model(**model_inputs(model, batch)).logits
    finally:
        for hook in hooks:
            hook.remove()
    if logits.shape[1] < 2 or batch["labels"].is_floating_point():
        raise BadInput(
            "head importance is for classes: this model or its labels are those of a regression task"
        )
    if not all(context.requires_grad for context in contexts):
        raise BadInput(
            "head importance needs gradients, and the model is frozen: call requires_grad_() first"
        )
    # Summed, not averaged, so that the result does not depend on how examples fell into batches.
    loss = nn.functional.cross_entropy(logits, batch["labels"], reduction="sum")
    gradients = torch.autograd.grad(loss, contexts)
    effects = []
    for context, gradient in zip(contexts, gradients, strict=True):
        product = (context * gradient).unflatten(-1, (heads, -1)).sum(-1)  # (batch, tokens, heads)
        effects.append((product.detach().abs() * batch["attention_mask"].unsqueeze(-1)).sum((0, 1)))
    return torch.stack(effects)


@checked
def least_important_heads(importance: torch.Tensor, share: float) -> dict[int, list[int]]:
    """The lowest `share` of all heads, as {layer: [heads]}; of each layer at least one head is kept.

    Michel et al.'s script lets a whole layer vanish; transformers' attention needs one head. Shape of
    `importance`: (layers, heads). The number is rounded: 45 % of 144 heads are 65. Raises BadInput for a
    share outside [0, 1) and for an importance that is no number.
    """
    if not 0 <= share < 1:
        raise BadInput(f"the share of heads to prune must lie in [0, 1), not {share!r}")
    if importance.ndim != 2 or not importance.numel():
        raise BadInput(f"importance must have the shape (layers, heads), not {tuple(importance.shape)}")
    layers, heads = importance.shape
    wanted = round(share * layers * heads)
    pruned: dict[int, list[int]] = {}
    for index in importance.flatten().argsort(stable=True).tolist():
        if wanted == 0:
            break
        layer, head = divmod(index, heads)
        if len(pruned.get(layer, [])) < heads - 1:
            pruned.setdefault(layer, []).append(head)
            wanted -= 1
    return {layer: sorted(chosen) for layer, chosen in sorted(pruned.items())}


@checked
def prune_heads(model: nn.Module, heads_by_layer: dict[int, list[int]]) -> nn.Module:
    """Cut heads out of the query, key, value and output matrices, so that the model is smaller and faster.

    The result equals the model with those heads' contexts set to zero. Changes the model, notes it in
    `model.config.compression`, and returns it. Raises BadInput for a layer or head that is not there, for
    all heads of a layer, and for a quantized model (prune first).
    """
    layers = encoder_layers(model)
    for layer, heads in heads_by_layer.items():
        if not 0 <= layer < len(layers):
            raise BadInput(f"there is no layer {layer}: the model has layers 0 to {len(layers) - 1}")
        attention = self_attention(layers[layer])
        present = attention.num_attention_heads
        if type(attention.query) is not nn.Linear:
            raise BadInput("heads are cut out of plain linear layers: prune before quantizing")
        if len(set(heads)) != len(heads) or any(not 0 <= head < present for head in heads):
            raise BadInput(
                f"layer {layer} has heads 0 to {present - 1}, not all of {shown(heads)}, each named once"
            )
        if len(heads) == present:
            raise BadInput(f"layer {layer} would lose all of its {present} heads: keep at least one")
    for layer, heads in heads_by_layer.items():
        _slice_layer(layers[layer].attention, heads)
    step = {"method": "prune_heads", "heads": {str(layer): list(h) for layer, h in heads_by_layer.items()}}
    model.config.compression = [*getattr(model.config, "compression", []), step]
    return model


def _slice_layer(attention: nn.Module, heads: list[int]) -> None:
    inner = attention.self
    kept = [head for head in range(inner.num_attention_heads) if head not in heads]
    rows = torch.cat([torch.arange(inner.attention_head_size) + h * inner.attention_head_size for h in kept])
    for name in ("query", "key", "value"):
        setattr(inner, name, _sliced(getattr(inner, name), rows, dim=0))
    attention.output.dense = _sliced(attention.output.dense, rows, dim=1)
    inner.num_attention_heads = len(kept)
    inner.all_head_size = len(kept) * inner.attention_head_size


def _sliced(linear: nn.Linear, index: torch.Tensor, dim: int) -> nn.Linear:
    index = index.to(linear.weight.device)
    out_features, in_features = (
        (len(index), linear.in_features) if dim == 0 else (linear.out_features, len(index))
    )
    layer = nn.Linear(in_features, out_features, linear.bias is not None, device=linear.weight.device)
    with torch.no_grad():
        layer.weight.copy_(linear.weight.index_select(dim, index))
        if linear.bias is not None:
            layer.bias.copy_(linear.bias.index_select(0, index) if dim == 0 else linear.bias)
    return layer.train(linear.training)
