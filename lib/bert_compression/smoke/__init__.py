"""The built-in English: its language, the tasks made of it, its small BERT and how that was pretrained.

Texts are true by construction, so that labels need nobody to write them. Book: data/built_in_english.
"""

from bert_compression.smoke.builtin import GENERATED, VERSION, generate, is_held_out, load
from bert_compression.smoke.language import (
    CONCEPT_OF,
    CONCEPTS,
    FUNCTION_WORDS,
    Concept,
    long_review,
    part_of_speech,
    polarity,
    synonyms,
)

__all__ = [
    "CONCEPTS",
    "CONCEPT_OF",
    "FUNCTION_WORDS",
    "GENERATED",
    "VERSION",
    "Concept",
    "generate",
    "is_held_out",
    "load",
    "long_review",
    "part_of_speech",
    "polarity",
    "synonyms",
]
