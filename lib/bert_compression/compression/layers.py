"""Fewer layers: a student that starts as some of its teacher's layers. Book: methods/distillation."""

import copy
from collections.abc import Sequence

from torch import nn

from bert_compression.errors import BadInput


def truncate(model: nn.Module, layers: int) -> nn.Module:
    """A copy of the model with its first (bottom) `layers` encoder layers; embeddings and head are kept.

    The initialisation of every student of Xu et al. 2021 that is distilled downstream (section 4.2: "the
    first (bottom) 6 layers" of the fine-tuned teacher). Raises BadInput for less than one layer or more than
    there are, and for a model whose layers have been changed: truncate first.
    """
    present = model.config.num_hidden_layers
    if not 1 <= layers <= present:
        raise BadInput(f"the model has {present} layers: keep between 1 and {present}, not {layers}")
    return keep_layers(model, range(layers))


def keep_layers(model: nn.Module, layers: Sequence[int]) -> nn.Module:
    """A copy of the model with just these encoder layers, counted from 0, in this order.

    Raises BadInput for no layer or one that is not there, and for a model whose layers have been changed.
    """
    present = model.config.num_hidden_layers
    if not layers or any(not 0 <= layer < present for layer in layers):
        raise BadInput(f"the model has the layers 0 to {present - 1}, not all of {list(layers)}")
    if getattr(model.config, "compression", []):
        raise BadInput("take layers out of a model before its heads are pruned or its weights are quantized")
    student = copy.deepcopy(model)
    student.base_model.encoder.layer = nn.ModuleList(student.base_model.encoder.layer[i] for i in layers)
    student.config.num_hidden_layers = len(layers)
    return student


def spread_layers(student_layers: int, teacher_layers: int) -> list[int]:
    """Which of the teacher's layers start a student? Evenly spread from the first to the last, from 0.

    12 to 6 gives 0, 2, 4, 7, 9, 11, as DistilBERT's released code has it.
    """
    if student_layers == 1:
        return [0]
    return [round(i * (teacher_layers - 1) / (student_layers - 1)) for i in range(student_layers)]
