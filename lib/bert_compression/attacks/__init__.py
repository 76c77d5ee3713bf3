"""Robustness under attack: TextFooler, BERT-ATTACK and TextBugger, over three levels of word resources."""

from bert_compression.attacks.resources import LEVELS, load_resources
from bert_compression.attacks.run import AttackResult, attack
from bert_compression.attacks.swaps import Resources

__all__ = ["LEVELS", "AttackResult", "Resources", "attack", "load_resources"]
