"""Xu et al. 2021, Beyond Preserved Accuracy: does the student answer like its teacher and withstand
attack?"""

from bert_compression.papers.loyalty.claims import (
    CLAIMS,
    SEARCH_CLAIMS,
    TABLE_1_CLAIMS,
    TABLE_2_CLAIMS,
    TABLE_3_CLAIMS,
)
from bert_compression.papers.loyalty.quantized import (
    batch_facts,
    batch_table,
    lost_successes,
    search_picture,
    transfer_facts,
    transfer_table,
)
from bert_compression.papers.loyalty.tables import (
    ALL_PAIRS,
    QUANTIZED_ROBUSTNESS,
    ROUNDED_MNLI,
    ROUNDED_SST2,
    SEARCH_MNLI,
    SEARCH_SST2,
    TABLE_1,
    TABLE_2,
    TABLE_3,
    TABLES,
)

__all__ = [
    "ALL_PAIRS",
    "CLAIMS",
    "QUANTIZED_ROBUSTNESS",
    "ROUNDED_MNLI",
    "ROUNDED_SST2",
    "SEARCH_CLAIMS",
    "SEARCH_MNLI",
    "SEARCH_SST2",
    "TABLES",
    "TABLE_1",
    "TABLE_1_CLAIMS",
    "TABLE_2",
    "TABLE_2_CLAIMS",
    "TABLE_3",
    "TABLE_3_CLAIMS",
    "batch_facts",
    "batch_table",
    "lost_successes",
    "search_picture",
    "transfer_facts",
    "transfer_table",
]
