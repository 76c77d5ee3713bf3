"""Compression methods, one file a family: functions that change a transformers model, and losses."""

from bert_compression.compression.distillation import Distillation, kl_loss
from bert_compression.compression.grades import as_classes, platt_scaling
from bert_compression.compression.layers import keep_layers, spread_layers, truncate
from bert_compression.compression.layerwise import (
    GeneralDistillation,
    MaskedDistillation,
    MaskedWordStudent,
    layer_states,
    layerwise_loss,
)
from bert_compression.compression.patience import PatientDistillation, paired_layers, patience_loss
from bert_compression.compression.pruning import head_importance, least_important_heads, prune_heads
from bert_compression.compression.quantization import (
    answers_alone,
    as_int8,
    calibrate,
    fake_quantize,
    quantization_mode,
    quantize,
)
from bert_compression.compression.storage import load_model, load_packed, save_model, save_packed
from bert_compression.compression.taylor import corrected_squares_loss, taylor_loss
from bert_compression.compression.theseus import Replacing, replace_modules, replacement_rate, successor

__all__ = [
    "Distillation",
    "GeneralDistillation",
    "MaskedDistillation",
    "MaskedWordStudent",
    "PatientDistillation",
    "Replacing",
    "answers_alone",
    "as_classes",
    "as_int8",
    "calibrate",
    "corrected_squares_loss",
    "fake_quantize",
    "head_importance",
    "keep_layers",
    "kl_loss",
    "layer_states",
    "layerwise_loss",
    "least_important_heads",
    "load_model",
    "load_packed",
    "paired_layers",
    "patience_loss",
    "platt_scaling",
    "prune_heads",
    "quantization_mode",
    "quantize",
    "replace_modules",
    "replacement_rate",
    "save_model",
    "save_packed",
    "spread_layers",
    "successor",
    "taylor_loss",
    "truncate",
]
