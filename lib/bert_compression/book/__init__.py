"""From notebooks and pages to the book: executes, stages, renders."""

from bert_compression.book.build import build
from bert_compression.book.execute import read_values

__all__ = ["build", "read_values"]
