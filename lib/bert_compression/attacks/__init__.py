"""Robustness under attack: TextFooler, BERT-ATTACK and TextBugger, over three levels of word resources."""

from bert_compression.attacks.bert_attack import BertAttack
from bert_compression.attacks.masked_lm import (
    MaskedWords,
    load_masked_lm,
    masked_lm_over,
    masked_word_guesses,
    save_masked_lm,
)
from bert_compression.attacks.recipes import RECIPES, get_recipe
from bert_compression.attacks.resources import (
    LEVELS,
    BuiltinResources,
    FolderResources,
    GenuineResources,
    Resources,
    load_resources,
    resources_digest,
)
from bert_compression.attacks.run import AttackResult, attack
from bert_compression.attacks.textbugger import TextBugger
from bert_compression.attacks.textfooler import textfooler
from bert_compression.attacks.victim import Victim

__all__ = [
    "LEVELS",
    "RECIPES",
    "AttackResult",
    "BertAttack",
    "BuiltinResources",
    "FolderResources",
    "GenuineResources",
    "MaskedWords",
    "Resources",
    "TextBugger",
    "Victim",
    "attack",
    "get_recipe",
    "load_masked_lm",
    "load_resources",
    "masked_lm_over",
    "masked_word_guesses",
    "resources_digest",
    "save_masked_lm",
    "textfooler",
]
