"""Attacks by name: built from a job's settings, and one line where a name or a setting is not known."""

import re

import pytest
from hand import Table, piece_tokenizer

from bert_compression.attacks import RECIPES, BertAttack, TextBugger, get_recipe, textfooler
from bert_compression.errors import BadInput


@pytest.fixture(scope="module")
def pieces():
    return piece_tokenizer(["good", "film", "movie"])


@pytest.fixture(scope="module")
def language_model(pieces):
    return Table(pieces, {"film": {"movie": 1.0}})


def test_settings_reach_the_recipe_and_others_stay_the_defaults(language_model, pieces):
    assert get_recipe("textfooler").build({}) is textfooler
    bugger = get_recipe("textbugger").build({"neighbours": 3, "min_similarity": None})
    assert isinstance(bugger, TextBugger)
    assert (bugger.neighbours, bugger.min_similarity, bugger.by_sentence) == (3, None, True)
    settings = {"candidates": 4, "threshold": 2.0, "subwords": False}
    guessing = get_recipe("bert_attack").build(settings, language_model, pieces)
    assert isinstance(guessing, BertAttack) and guessing.model is language_model
    assert (guessing.candidates, guessing.threshold, guessing.subwords) == (4, 2.0, False)
    assert (guessing.counter_fitted, guessing.max_share) == (True, 0.4)


def test_a_recipe_that_needs_no_language_model_ignores_one(language_model, pieces):
    assert get_recipe("textfooler").build({}, language_model, pieces) is textfooler


def test_each_recipe_says_about_how_often_it_asks():
    assert {name: recipe.queries for name, recipe in RECIPES.items()} == {
        "textfooler": 80,
        "bert_attack": 250,
        "textbugger": 500,
    }


def refused(message, call, *arguments):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        call(*arguments)


def test_what_is_not_known_or_missing_is_refused_in_one_line():
    refused("unknown attack 'pwws': choose one of textfooler, bert_attack, textbugger", get_recipe, "pwws")
    refused("textfooler has no setting 'k': it has none", get_recipe("textfooler").build, {"k": 1})
    refused(
        "textbugger has no setting 'candidates': it has neighbours, min_similarity, by_sentence, seed",
        get_recipe("textbugger").build,
        {"candidates": 4},
    )
    refused(
        "bert_attack asks a masked language model for words, and none was given",
        get_recipe("bert_attack").build,
        {"candidates": 4},
    )
