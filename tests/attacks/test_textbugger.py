"""TextBugger: what a word may become, the search against TextAttack's own recipe, and one attack whole."""

import random

import numpy as np
import pytest
import torch
from hand import Asked
from tiny import MAX_LENGTH, TASK, labelled, sentences

from bert_compression.attacks import attack
from bert_compression.attacks.environment import import_textattack
from bert_compression.attacks.resources import BuiltinResources
from bert_compression.attacks.run import attack_text
from bert_compression.attacks.textbugger import TextBugger
from bert_compression.attacks.victim import Victim
from bert_compression.models import BUILTIN, load_encoder, load_tokenizer
from bert_compression.smoke.lexicon import synonyms


def test_a_word_has_one_bug_of_each_kind_and_a_lookalike_for_each_letter():
    space, deleted, exchanged, *alike = TextBugger().misspelt("foolish")
    assert space.replace(" ", "") == "foolish" and space.count(" ") == 1
    assert len(deleted) == 6 and deleted[0] + deleted[-1] == "fh"
    assert sorted(exchanged) == sorted("foolish") and exchanged[0] + exchanged[-1] == "fh"
    assert len(alike) == 7
    for place, bug in enumerate(alike):
        assert len(bug) == 7 and bug[place] != "foolish"[place]
        assert bug[:place] + "foolish"[place] + bug[place + 1 :] == "foolish"


@pytest.mark.parametrize(("word", "bugs"), [("a", 1), ("is", 2), ("the", 5), ("Ä", 0)])
def test_short_words_have_fewer_bugs(word, bugs):
    """Nothing is put into or taken from the ends of a word."""
    assert len(TextBugger().misspelt(word)) == bugs


def test_bugs_hang_on_the_word_and_the_seed_alone():
    first = TextBugger().misspelt("wonderful")
    np.random.seed(7), random.seed(7)
    drawn = np.random.get_state()[1].tolist()
    other = TextBugger()
    other.misspelt("another")
    assert other.misspelt("wonderful") == first
    assert np.random.get_state()[1].tolist() == drawn
    assert len({TextBugger(seed=seed).misspelt("wonderful") for seed in range(5)}) > 1


class Listed(BuiltinResources):
    """Seven neighbours for every word, and a stop word."""

    def __init__(self):
        super().__init__()
        self.stop_words = frozenset(["the"])

    def neighbours(self, word):
        return tuple(f"{word}{number}" for number in range(7))


@pytest.fixture
def offered(model, tokenizer):
    def found(recipe, text, place):
        attacker = recipe(Victim(model, tokenizer, MAX_LENGTH), Listed(), TASK.columns)
        first = import_textattack().shared.AttackedText(text)
        return {one.text for one in attacker.get_transformations(first, indices_to_modify=[place])}

    return found


def test_a_word_may_become_one_of_its_nearest_five(offered):
    assert {f"Good{n}" for n in range(5)} <= offered(TextBugger(), "Good", 0)
    assert not {"Good5", "good0"} & offered(TextBugger(), "Good", 0)
    bugs = offered(TextBugger(neighbours=0), "Good", 0)
    assert bugs == {*TextBugger().misspelt("Good")} - {"Good"}
    assert offered(TextBugger(neighbours=2), "Good", 0) == bugs | {"Good0", "Good1"}


def test_stop_words_stay(offered):
    assert offered(TextBugger(), "The good", 0) == set() != offered(TextBugger(), "The good", 1)


class Letters:
    """A sentence is the count of its letters."""

    def encode(self, texts):
        counts = [[text.count(chr(97 + i)) for i in range(26)] for text in texts]
        return torch.tensor(counts, dtype=torch.float32)


class Compared(Letters, BuiltinResources):
    """The built-in language with a sentence encoder, and no stop words."""

    min_similarity = 0.5

    def __init__(self):
        super().__init__()
        self.stop_words = frozenset()


def one_bug(word: str) -> tuple[str, ...]:
    """No space, after which TextAttack's search loses its place. And no second bug: the model takes both for
    [UNK], and which of two equals is kept is nobody's rule."""
    return tuple(bug for bug in TextBugger().misspelt(word) if " " not in bug)[:1]


def stock_recipe(victim, min_similarity):
    """TextAttack's recipe part by part, but for the misspellings."""
    textattack = import_textattack()
    from textattack.constraints.pre_transformation import RepeatModification
    from textattack.constraints.semantics.sentence_encoders import SentenceEncoder

    class LetterEncoder(Letters, SentenceEncoder):
        pass

    class Bugs(textattack.transformations.WordSwap):
        def _get_replacement_words(self, word):
            return [*one_bug(word), *synonyms(word.lower())[:5]]

    constraints = [RepeatModification()]
    if min_similarity is not None:
        constraints.append(LetterEncoder(threshold=min_similarity, metric="cosine"))
    return textattack.Attack(
        textattack.goal_functions.UntargetedClassification(victim),
        constraints,
        Bugs(),
        textattack.search_methods.GreedyWordSwapWIR(wir_method="delete"),
    )


@pytest.mark.parametrize("min_similarity", [None, 0.985])
def test_outcomes_are_those_of_textattacks_own_recipe(model, tokenizer, min_similarity):
    examples = labelled(model, tokenizer, sentences(14, seed=40))
    victim = Victim(model, tokenizer, MAX_LENGTH)
    bugger = TextBugger(min_similarity=min_similarity)
    bugger.misspelt = one_bug
    ours, stock = (
        [
            attack_text(attacker, texts, label, TASK, MAX_LENGTH)
            for texts, label in zip(examples.texts, examples.labels, strict=True)
        ]
        for attacker in (bugger(victim, Compared(), TASK.columns), stock_recipe(victim, min_similarity))
    )
    assert [one.outcome for one in ours] == [one.outcome for one in stock]
    assert {one.outcome for one in ours} == {0, 1, 2}
    if min_similarity is None:
        assert [(one.queries, one.words_changed) for one in ours] == [
            (one.queries, one.words_changed) for one in stock
        ]
    else:  # TextAttack does not ask about what is too different; the paper asks first
        assert all(a.queries >= b.queries for a, b in zip(ours, stock, strict=True))
        assert ours != stock


def test_the_bound_on_similarity_matters(model, tokenizer):
    examples = labelled(model, tokenizer, sentences(20, seed=41), wrong_every=0)
    fooled = {
        bound: attack(
            model, tokenizer, examples, Compared(), task=TASK, max_length=MAX_LENGTH,
            recipe=TextBugger(min_similarity=bound),
        ).outcomes.count(2)
        for bound in (None, 0.985, 1.01)
    }  # fmt: skip
    assert fooled[None] > fooled[0.985] > fooled[1.01] == 0


@pytest.mark.parametrize("by_sentence", [True, False])
def test_a_text_is_asked_about_sentence_by_sentence_unless_that_is_not_wanted(model, tokenizer, by_sentence):
    first, second = sentences(2, seed=43)
    (texts,), (label,) = vars(labelled(model, tokenizer, [f"{first} {second}"], wrong_every=0)).values()
    victim = Asked(model, tokenizer, MAX_LENGTH)
    attacker = TextBugger(by_sentence=by_sentence)(victim, BuiltinResources(), TASK.columns)
    attack_text(attacker, texts, label, TASK, MAX_LENGTH)
    assert (victim.texts[1:3] == [f"{first} ", second]) == by_sentence


def test_an_attack_from_end_to_end_on_the_built_in_bert():
    tokenizer, model = load_tokenizer(BUILTIN), load_encoder(BUILTIN, 2, seed=0)
    with torch.no_grad():
        model.classifier.weight.mul_(30)
    examples = labelled(model, tokenizer, sentences(16, seed=42))
    options = {"task": TASK, "max_length": 128, "recipe": TextBugger()}
    result = attack(model, tokenizer, examples, BuiltinResources(), **options)
    assert set(result.outcomes) == {0, 1, 2} and result.lost_alone == 0
    victim = Victim(model, tokenizer, 128)
    for outcome, text, label in zip(result.outcomes, result.texts, examples.labels, strict=True):
        assert outcome != 2 or int(victim.alone(text).argmax()) != label
    assert attack(model, tokenizer, examples, BuiltinResources(), **options) == result
    # Misspelt words fool where synonyms do not.
    words_only = attack(model, tokenizer, examples, BuiltinResources(), task=TASK, max_length=128)
    assert result.outcomes.count(2) > words_only.outcomes.count(2)
