"""From notebooks and pages to the book: executes, stages, renders."""

from bert_compression.book.build import build
from bert_compression.book.execute import read_values
from bert_compression.book.handout import hand_out

__all__ = ["build", "hand_out", "read_values"]
