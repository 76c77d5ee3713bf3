"""Compressing BERT, measured beyond accuracy: methods, metrics and experiments of four papers."""

__version__ = "0.1.0"
