"""What the reader sees: reported values next to measured ones, figures, claims. Draws only from records.

This is the door that notebooks come in by, after `bert_compression.papers` has given them records.
"""

from bert_compression.report.claims import judge
from bert_compression.report.explorer import explorer
from bert_compression.report.figures import loyalty_picture
from bert_compression.report.ledger import (
    count_by_paper,
    families,
    ledger,
    not_found,
    quote_verdicts,
    unasked,
)
from bert_compression.report.pairs import compare_pairs, pairs_in_words, pairs_list, pairs_picture
from bert_compression.report.passport import rests_on
from bert_compression.report.records import Source, measured
from bert_compression.report.reported import reported
from bert_compression.report.sentences import (
    baselines_in_words,
    baselines_table,
    basis,
    glue_numbers,
    never_answering,
    quotable,
    said,
    say,
    size_of,
    sizes_of,
    spreads_in_words,
    word_guessers,
    word_resources,
)
from bert_compression.report.side_by_side import record_list, side_by_side
from bert_compression.report.simulation import false_alarms, simulated, verdicts_picture
from bert_compression.report.verdicts import (
    claims_table,
    count_verdicts,
    effects_in_words,
    in_words,
    meanings,
    sentence_meanings,
)

__all__ = [
    "Source",
    "baselines_in_words",
    "baselines_table",
    "basis",
    "claims_table",
    "compare_pairs",
    "count_by_paper",
    "count_verdicts",
    "effects_in_words",
    "explorer",
    "false_alarms",
    "families",
    "glue_numbers",
    "in_words",
    "judge",
    "ledger",
    "loyalty_picture",
    "meanings",
    "measured",
    "never_answering",
    "not_found",
    "pairs_in_words",
    "pairs_list",
    "pairs_picture",
    "quotable",
    "quote_verdicts",
    "record_list",
    "reported",
    "rests_on",
    "said",
    "say",
    "sentence_meanings",
    "side_by_side",
    "simulated",
    "size_of",
    "sizes_of",
    "spreads_in_words",
    "unasked",
    "verdicts_picture",
    "word_guessers",
    "word_resources",
]
