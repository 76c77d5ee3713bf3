"""Wu et al. 2022, Extreme Compression for Pre-trained Transformers Made Simple and Efficient: appendix."""

from bert_compression.papers.xtc import tables
from bert_compression.papers.xtc.bits import KERNELS, sizes_table
from bert_compression.papers.xtc.claims import (
    CLAIMS,
    FEW_BITS_CLAIMS,
    LAYER_CLAIMS,
    LOW_RANK_CLAIMS,
    LOYALTY_CLAIMS,
    STAGE_CLAIMS,
)
from bert_compression.papers.xtc.figures import (
    FIGURE_5,
    FIGURE_6,
    WEIGHTS,
    layer_choices,
    selection_table,
    training_costs,
    weights_picture,
)
from bert_compression.papers.xtc.loyalty import LOYALTY
from bert_compression.papers.xtc.tables import (
    ACTIVATIONS,
    TABLE_C1,
    TABLE_C2,
    TABLE_C3,
    TABLE_C4,
    TABLE_C5,
    TABLE_C6,
    TABLE_C7,
    TABLE_C8,
    TABLE_C9,
    TABLE_C10,
    TABLE_C11,
    TABLE_C12,
    TABLE_C13,
    TABLE_C14,
    TABLE_C15,
    TABLE_C16,
    TABLE_C17,
)

TABLES = (*tables.TABLES, LOYALTY, WEIGHTS, KERNELS)

__all__ = [
    "ACTIVATIONS",
    "CLAIMS",
    "FEW_BITS_CLAIMS",
    "FIGURE_5",
    "FIGURE_6",
    "KERNELS",
    "LAYER_CLAIMS",
    "LOW_RANK_CLAIMS",
    "LOYALTY",
    "LOYALTY_CLAIMS",
    "STAGE_CLAIMS",
    "TABLES",
    "TABLE_C1",
    "TABLE_C2",
    "TABLE_C3",
    "TABLE_C4",
    "TABLE_C5",
    "TABLE_C6",
    "TABLE_C7",
    "TABLE_C8",
    "TABLE_C9",
    "TABLE_C10",
    "TABLE_C11",
    "TABLE_C12",
    "TABLE_C13",
    "TABLE_C14",
    "TABLE_C15",
    "TABLE_C16",
    "TABLE_C17",
    "WEIGHTS",
    "layer_choices",
    "selection_table",
    "sizes_table",
    "training_costs",
    "weights_picture",
]
