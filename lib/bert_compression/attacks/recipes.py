"""The attacks by name: what one kind of job needs to know of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING

from bert_compression.attacks.bert_attack import BertAttack
from bert_compression.attacks.run import Recipe
from bert_compression.attacks.textbugger import TextBugger
from bert_compression.attacks.textfooler import textfooler
from bert_compression.checks import checked
from bert_compression.errors import BadInput

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class NamedRecipe:
    """An attack: `make` builds it from its settings, and `queries` is about how often it asks the model for a
    text (of a review, for attacks on long texts). `guesses` says whether it needs a masked language model."""

    name: str
    make: Callable[..., Recipe]
    queries: int
    guesses: bool = False

    def build(
        self,
        settings: Mapping[str, object],
        language_model: "PreTrainedModel | None" = None,
        tokenizer: "PreTrainedTokenizerBase | None" = None,
    ) -> Recipe:
        """The attack with these settings. Raises BadInput for a setting that it does not have, and for a
        masked language model that is missing."""
        known = [p.name for p in signature(self.make).parameters.values() if p.kind is p.KEYWORD_ONLY]
        for name in settings:
            if name not in known:
                raise BadInput(f"{self.name} has no setting {name!r}: it has {', '.join(known) or 'none'}")
        if not self.guesses:
            return self.make(**settings)
        if language_model is None:
            raise BadInput(f"{self.name} asks a masked language model for words, and none was given")
        return self.make(language_model, tokenizer, **settings)


RECIPES = {
    recipe.name: recipe
    for recipe in (
        NamedRecipe("textfooler", lambda: textfooler, queries=80),
        NamedRecipe("bert_attack", BertAttack, queries=250, guesses=True),
        NamedRecipe("textbugger", TextBugger, queries=500),
    )
}


@checked
def get_recipe(name: str) -> NamedRecipe:
    """The attack of that name. Raises BadInput, naming the known ones."""
    if name not in RECIPES:
        raise BadInput(f"unknown attack {name!r}: choose one of {', '.join(RECIPES)}")
    return RECIPES[name]
