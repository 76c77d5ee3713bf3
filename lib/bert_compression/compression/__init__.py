"""Compression methods, one file a family: functions that change a transformers model, and losses."""

from bert_compression.compression.distillation import Distillation, Objective, kl_loss, model_inputs
from bert_compression.compression.grids import (
    BinaryGrid,
    Grid,
    SymmetricGrid,
    TernaryGrid,
    binarize,
    fake_quantize,
    ternarize,
    weight_grid,
)
from bert_compression.compression.kernels import BitLinear
from bert_compression.compression.layers import (
    encoder_layers,
    keep_layers,
    spread_layers,
    truncate,
    uniform_layers,
)
from bert_compression.compression.layerwise import (
    GeneralDistillation,
    LayerStates,
    MaskedDistillation,
    MaskedWordStudent,
    RelationDistillation,
    StatesAndLogits,
    layer_states,
    layerwise_loss,
    mask_words,
)
from bert_compression.compression.patience import PatientDistillation, paired_layers, patience_loss
from bert_compression.compression.pruning import head_importance, least_important_heads, prune_heads
from bert_compression.compression.quantization import (
    as_int8,
    batch_dependent,
    calibrate,
    dequantize,
    integer_layers,
    quantization_mode,
    quantize,
    requantize,
)
from bert_compression.compression.regression import PLATT_CENTRE, as_classes, platt_scaling
from bert_compression.compression.sizes import counted_size_mib, stored_parts
from bert_compression.compression.storage import (
    WEIGHTS,
    load_model,
    load_packed,
    refuse_pickles,
    save_model,
    save_packed,
)
from bert_compression.compression.taylor import LogitLoss, corrected_squares_loss, taylor_loss
from bert_compression.compression.theseus import Replacing, replace_modules, replacement_rate, successor

__all__ = [
    "PLATT_CENTRE",
    "WEIGHTS",
    "BinaryGrid",
    "BitLinear",
    "Distillation",
    "GeneralDistillation",
    "Grid",
    "LayerStates",
    "LogitLoss",
    "MaskedDistillation",
    "MaskedWordStudent",
    "Objective",
    "PatientDistillation",
    "RelationDistillation",
    "Replacing",
    "StatesAndLogits",
    "SymmetricGrid",
    "TernaryGrid",
    "as_classes",
    "as_int8",
    "batch_dependent",
    "binarize",
    "calibrate",
    "corrected_squares_loss",
    "counted_size_mib",
    "dequantize",
    "encoder_layers",
    "fake_quantize",
    "head_importance",
    "integer_layers",
    "keep_layers",
    "kl_loss",
    "layer_states",
    "layerwise_loss",
    "least_important_heads",
    "load_model",
    "load_packed",
    "mask_words",
    "model_inputs",
    "paired_layers",
    "patience_loss",
    "platt_scaling",
    "prune_heads",
    "quantization_mode",
    "quantize",
    "refuse_pickles",
    "replace_modules",
    "replacement_rate",
    "requantize",
    "save_model",
    "save_packed",
    "spread_layers",
    "stored_parts",
    "successor",
    "taylor_loss",
    "ternarize",
    "truncate",
    "uniform_layers",
    "weight_grid",
]
