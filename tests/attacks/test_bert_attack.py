"""BERT-ATTACK's published rules on hand-made cases, and one attack from end to end."""

import re
from itertools import product

import pytest
import torch
from hand import Adding, Asked, Table, piece_tokenizer
from tiny import MAX_LENGTH, TASK, Examples, labelled, sentences

from bert_compression.attacks import attack
from bert_compression.attacks.bert_attack import BertAttack
from bert_compression.attacks.environment import import_textattack
from bert_compression.attacks.masked_lm import masked_lm_over
from bert_compression.attacks.resources import BuiltinResources
from bert_compression.attacks.run import attack_text
from bert_compression.attacks.victim import Victim
from bert_compression.errors import BadInput
from bert_compression.models import BUILTIN, load_encoder, load_tokenizer
from bert_compression.smoke.lexicon import synonyms

PIECES = [
    "the",
    "film",
    "movie",
    "good",
    "fine",
    "bad",
    "zork",
    "over",
    "under",
    "##act",
    "##play",
    "##ed",
    ",",
]
GUESSES = {
    "good": {"[SEP]": 9, ",": 8, "good": 7, "the": 6, "##ed": 5, "fine": 4, "bad": 3, "zork": -1},
    "over": {"over": 9, "under": 8, "good": 7, "film": 6, "bad": 5},
    "##act": {"##play": 9, "##act": 8, "##ed": 7, "film": 6},
}


@pytest.fixture(scope="module")
def pieces():
    return piece_tokenizer(PIECES)


@pytest.fixture
def recipe(pieces):
    def made(**settings):
        return BertAttack(Table(pieces, GUESSES), pieces, **{"candidates": 8, **settings})

    return made


def offers(recipe, victim, text, place, resources=None) -> list[str]:
    """What the recipe puts in the place of one word."""
    attacker = recipe(victim, resources or BuiltinResources(), TASK.columns)
    first = import_textattack().shared.AttackedText(text)
    found = attacker.get_transformations(first, indices_to_modify=[place])
    return [one.text.removeprefix(text.split()[0]).strip() if place else one.text for one in found]


@pytest.fixture
def victim(pieces):
    return Asked(Adding(pieces, {"good": 2.0, "fine": 1.0, "zork": 1.5, "bad": -2.0}), pieces, MAX_LENGTH)


def test_candidates_are_the_best_guesses_of_the_model_without_what_is_no_word(recipe):
    # [SEP], the comma and "##ed" are no words; the word itself and stop words are left out by the offers.
    assert recipe().guesses("good film", (0, 4)) == ("good", "the", "fine", "bad", "zork")
    assert recipe(candidates=6).guesses("good film", (0, 4)) == ("good", "the", "fine")
    assert recipe(candidates=1).guesses("good film", (0, 4)) == ()


def test_the_threshold_cuts_off_what_the_model_scores_below_it_and_zero_is_none(recipe):
    assert recipe(threshold=4.0).guesses("good film", (0, 4)) == ("good", "the", "fine")
    assert recipe(threshold=4.1).guesses("good film", (0, 4)) == ("good", "the")
    assert "zork" in recipe(threshold=0.0).guesses("good film", (0, 4))


def test_neither_the_word_nor_a_stop_word_is_offered_and_stop_words_stay(recipe, victim):
    assert set(offers(recipe(counter_fitted=False), victim, "good film", 0)) == {
        "fine film",
        "bad film",
        "zork film",
    }
    assert offers(recipe(counter_fitted=False), victim, "the good film", 0) == []


def test_the_counter_fitted_filter_drops_what_is_far_and_known(recipe, victim):
    assert "fine" in synonyms("good") and "bad" not in synonyms("good")
    # "zork" is not known: nobody can say how far it is.
    assert set(offers(recipe(), victim, "good film", 0)) == {"fine film", "zork film"}


def test_a_word_in_capitals_keeps_them(recipe, victim):
    assert set(offers(recipe(), victim, "Good film", 0)) == {"Fine film", "Zork film"}


def test_words_of_several_pieces_get_combinations_the_most_fluent_first(recipe, pieces):
    """By hand: four guesses for each piece; a combination costs the mean of what the model, asked about the
    combination alone, thinks of its pieces."""
    first, second = ["over", "under", "good", "film"], ["##play", "##act", "##ed", "film"]
    table = Table(pieces, GUESSES).table

    def cost(combination):
        ids = pieces.convert_tokens_to_ids(list(combination))
        return float(torch.stack([torch.logsumexp(table[i], 0) - table[i, i] for i in ids]).mean())

    ranked = sorted(product(first, second), key=cost)
    joined = [" ".join(pair).replace(" ##", "") for pair in ranked]
    guesses = recipe().guesses("overact film", (0, 7))
    assert guesses == tuple(joined)
    assert "overplay" in guesses and "over film" in guesses
    assert recipe(subwords=False).guesses("overact film", (0, 7)) == ()
    assert recipe(subwords=False).guesses("overact good", (8, 12)) == recipe().guesses(
        "overact good", (8, 12)
    )


def test_of_many_combinations_the_first_24_are_tried(recipe):
    words = recipe().guesses("overactact film", (0, 10))  # 4 * 4 * 4 combinations
    assert len(words) == 24
    # In the order in which they are made, the first piece has come to its second guess.
    assert {re.match("over|under", word).group() for word in words} == {"over", "under"}


def test_words_are_ranked_with_unk_in_their_place_and_the_first_success_ends_it(recipe, victim):
    attacker = recipe(counter_fitted=False, candidates=7)(victim, BuiltinResources(), TASK.columns)
    found = attack_text(attacker, ("the film good",), 1, TASK, MAX_LENGTH)
    # Of "film" the table knows nothing better than itself: it has no offer.
    assert victim.texts[:3] == ["the film good", "the film [UNK]", "the film fine"]
    assert (found.text, found.queries) == ("the film bad", 1 + 1 + 2)


def test_guesses_come_from_the_text_as_it_stands_and_serve_all_models(recipe, victim, pieces):
    made, calls = recipe(), []
    made.model.register_forward_hook(lambda module, inputs, output: calls.append(output))
    other = Victim(Adding(pieces, {"good": 1.0}), pieces, MAX_LENGTH)
    for each in (victim, other):
        attack_text(made(each, BuiltinResources(), TASK.columns), ("good film good",), 1, TASK, MAX_LENGTH)
    assert len(calls) == 1
    assert pieces.mask_token not in " ".join(victim.texts)


def test_words_behind_the_language_models_last_token_get_no_guess(recipe):
    long = "good " * 70
    assert recipe().guesses(long, (5 * 61, 5 * 61 + 4)) != ()
    assert recipe().guesses(long, (5 * 62, 5 * 62 + 4)) == ()


def test_the_similarity_of_the_whole_text_binds(recipe, victim, pieces):
    class Strict(BuiltinResources):
        min_similarity = 0.5

        def encode(self, sentences):
            return torch.tensor([[0.0, 1.0] if "bad" in one else [1.0, 0.1] for one in sentences])

    settings = {"counter_fitted": False, "min_similarity": 0.8}
    free, held = (
        attack_text(recipe(**rules)(victim, Strict(), TASK.columns), ("good",), 1, TASK, MAX_LENGTH)
        for rules in (settings | {"min_similarity": None}, settings)
    )
    assert (free.outcome, held.outcome) == (2, 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"candidates": 0}, "candidates must lie in 1..18, but is 0"),
        ({"candidates": 19}, "candidates must lie in 1..18, but is 19"),
        ({"max_share": 1.5}, "max_share must lie in [0, 1], but is 1.5"),
    ],
)
def test_settings_out_of_range_are_refused(recipe, settings, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        recipe(**settings)


@pytest.fixture(scope="module")
def builtin_run():
    """The built-in BERT, with a head that is sure of itself, and its texts."""
    tokenizer, model = load_tokenizer(BUILTIN), load_encoder(BUILTIN, 2, seed=0)
    with torch.no_grad():
        model.classifier.weight.mul_(30)
    return model, tokenizer, labelled(model, tokenizer, sentences(20, seed=30))


def test_an_attack_from_end_to_end_on_the_built_in_bert(builtin_run):
    model, tokenizer, examples = builtin_run
    resources, options = BuiltinResources(), {"task": TASK, "max_length": 128}
    open_attack = BertAttack(masked_lm_over(BUILTIN), tokenizer, counter_fitted=False)
    result = attack(model, tokenizer, examples, resources, recipe=open_attack, **options)
    victim = Victim(model, tokenizer, 128)
    for row, (outcome, label) in enumerate(zip(result.outcomes, examples.labels, strict=True)):
        if outcome == 2:
            assert int(victim.alone(result.texts[row]).argmax()) != label
            old, new = examples.texts[row][0].split(), result.texts[row].split()
            assert sum(a != b for a, b in zip(old, new, strict=True)) == result.words_changed[row]
    assert set(result.outcomes) == {0, 1, 2} and result.lost_alone == 0
    assert attack(model, tokenizer, examples, resources, recipe=open_attack, **options) == result
    # The language says that synonyms alone keep the meaning, and the filter leaves nothing else.
    filtered = BertAttack(masked_lm_over(BUILTIN), tokenizer)
    strict = attack(model, tokenizer, examples, resources, recipe=filtered, **options)
    assert strict.outcomes.count(2) < result.outcomes.count(2)
    assert sum(strict.queries) < sum(result.queries)
    for texts, changed in zip(examples.texts, strict.texts, strict=True):
        for old, new in zip(texts[0].split(), changed.split(), strict=False):
            assert new == old or new in synonyms(old)


def test_textfooler_is_what_an_attack_without_a_recipe_is(builtin_run):
    from bert_compression.attacks.textfooler import textfooler

    model, tokenizer, examples = builtin_run
    few = Examples(examples.texts[:6], examples.labels[:6])
    options = {"task": TASK, "max_length": 128}
    silent = attack(model, tokenizer, few, BuiltinResources(), **options)
    assert attack(model, tokenizer, few, BuiltinResources(), recipe=textfooler, **options) == silent
