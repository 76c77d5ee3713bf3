"""Compression methods, one file a family: functions that change a transformers model, and losses."""

from bert_compression.compression.distillation import Distillation, kl_loss
from bert_compression.compression.layers import truncate
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

__all__ = [
    "Distillation",
    "answers_alone",
    "as_int8",
    "calibrate",
    "fake_quantize",
    "head_importance",
    "kl_loss",
    "least_important_heads",
    "load_model",
    "load_packed",
    "prune_heads",
    "quantization_mode",
    "quantize",
    "save_model",
    "save_packed",
    "truncate",
]
