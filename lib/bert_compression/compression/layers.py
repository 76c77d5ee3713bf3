"""Fewer layers: a student that starts as the lower part of its teacher. Book: methods/distillation."""

import copy

from torch import nn

from bert_compression.errors import BadInput


def truncate(model: nn.Module, layers: int) -> nn.Module:
    """A copy of the model with its first (bottom) `layers` encoder layers; embeddings and head are kept.

    The initialisation of every distilled student of Xu et al. 2021 (section 4.2: "the first (bottom) 6
    layers" of the fine-tuned teacher). Raises BadInput for less than one layer or more than there are, and
    for a model whose layers have been changed: truncate first.
    """
    present = model.config.num_hidden_layers
    if not 1 <= layers <= present:
        raise BadInput(f"the model has {present} layers: keep between 1 and {present}, not {layers}")
    if getattr(model.config, "compression", []):
        raise BadInput("truncate a model before its heads are pruned or its weights are quantized")
    student = copy.deepcopy(model)
    student.base_model.encoder.layer = student.base_model.encoder.layer[:layers]
    student.config.num_hidden_layers = layers
    return student
