"""The recipe over our resources against TextAttack's own constraints, one after the other."""

import numpy as np
import pytest
import torch
from tiny import TASK, labelled, sentences

from bert_compression.attacks.environment import import_textattack
from bert_compression.attacks.resources import SAME_ANGLE, WINDOW, GenuineResources, Resources
from bert_compression.attacks.run import attack_text
from bert_compression.attacks.textfooler import textfooler
from bert_compression.attacks.victim import Victim
from bert_compression.smoke import language

WORDS = list(language.CONCEPT_OF)


def stock_recipe(victim, neighbours: int = 50):
    """TextFoolerJin2019 part by part, its three downloads replaced by small things made here."""
    textattack = import_textattack()
    from textattack.constraints.grammaticality import PartOfSpeech
    from textattack.constraints.pre_transformation import (
        InputColumnModification,
        RepeatModification,
        StopwordModification,
    )
    from textattack.constraints.semantics import WordEmbeddingDistance
    from textattack.constraints.semantics.sentence_encoders import SentenceEncoder

    class ContextTagger(PartOfSpeech):
        """A tag that depends on the word and on what stands before it."""

        def _get_pos(self, before, word, after):
            return "NOUN" if (len(word) + len("".join(before))) % 4 else "ADJ"

    class LetterEncoder(SentenceEncoder):
        """A sentence is the count of its letters."""

        def encode(self, sentences):
            return np.array([[s.count(chr(97 + i)) for i in range(26)] for s in sentences], dtype=np.float32)

    vectors = np.random.default_rng(0).normal(size=(len(WORDS), 4)).astype(np.float32)
    distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=-1)
    embedding = textattack.shared.WordEmbedding(
        vectors, {w: i for i, w in enumerate(WORDS)}, dict(enumerate(WORDS)), distances.argsort(axis=1)
    )
    return textattack.Attack(
        textattack.goal_functions.UntargetedClassification(victim),
        [
            RepeatModification(),
            StopwordModification(stopwords=["film", *language.FUNCTION_WORDS]),
            InputColumnModification(["premise", "hypothesis"], {"premise"}),
            WordEmbeddingDistance(embedding=embedding, min_cos_sim=0.5),
            ContextTagger(allow_verb_noun_swap=True),
            LetterEncoder(
                threshold=SAME_ANGLE,
                metric="angular",
                compare_against_original=False,
                window_size=15,
                skip_text_shorter_than_window=True,
            ),
        ],
        textattack.transformations.WordSwapEmbedding(max_candidates=neighbours, embedding=embedding),
        textattack.search_methods.GreedyWordSwapWIR(wir_method="delete"),
    )


@pytest.fixture(scope="module")
def long_and_short(model, tokenizer):
    """Texts below and above the encoder's window, some in capitals."""
    texts = sentences(24, seed=10)
    texts += [f"{a.capitalize()} {b}" for a, b in zip(texts[:8], texts[8:16], strict=True)]
    texts = [text.upper() if row % 5 == 0 else text for row, text in enumerate(texts)]
    lengths = [len(text.split()) for text in texts]
    assert min(lengths) < WINDOW - 4 and max(lengths) > WINDOW + 4
    return labelled(model, tokenizer, texts, wrong_every=0)


def attack_all(attacker, examples):
    pairs = zip(examples.texts, examples.labels, strict=True)
    return [attack_text(attacker, texts, label, TASK, 64) for texts, label in pairs]


def test_vetted_swaps_are_textattacks_own_constraints(model, tokenizer, long_and_short):
    victim = Victim(model, tokenizer, 64)
    recipe = stock_recipe(victim)
    ours = textfooler(victim, GenuineResources(recipe), TASK.columns)
    expected = attack_all(recipe, long_and_short)
    assert attack_all(ours, long_and_short) == expected
    assert {1, 2} <= {one.outcome for one in expected}


@pytest.mark.parametrize("loosened", ["sentences", "tags", "stop words"])
def test_each_constraint_matters(model, tokenizer, long_and_short, loosened):
    victim = Victim(model, tokenizer, 64)
    recipe = stock_recipe(victim)
    resources = GenuineResources(recipe)
    if loosened == "sentences":
        resources.min_similarity = 0.0
    elif loosened == "tags":
        resources._tagger._can_replace_pos = lambda a, b: True
    else:
        resources.stop_words = frozenset()
    ours = attack_all(textfooler(victim, resources, TASK.columns), long_and_short)
    assert ours != attack_all(stock_recipe(victim), long_and_short)


class Recorder(Resources):
    """Offers fixed substitutes and notes what it is asked."""

    name, replaces, stop_words = "recorder", (), frozenset()
    min_similarity = 0.5

    def __init__(self, offers):
        super().__init__()
        self.offers, self.encoded = offers, []

    def substitutes(self, words, index):
        return self.offers.get(words[index].lower(), ())

    def encode(self, sentences):
        self.encoded.append(list(sentences))
        return torch.tensor([[1.0, 0.0] if "splendid" not in s else [-1.0, 0.0] for s in sentences])


@pytest.fixture
def swaps(model, tokenizer):
    """The texts that one swap in `text` gives; `text` may itself be `original` with a word exchanged."""

    def swapped(resources, text, index, original=None, exchanged=None):
        attacker = textfooler(Victim(model, tokenizer, 64), resources, TASK.columns)
        current = first = import_textattack().shared.AttackedText(original or text)
        if original:
            current = first.replace_word_at_index(exchanged, text.split()[exchanged])
            assert current.text == text
        found = attacker.get_transformations(current, original_text=first, indices_to_modify=[index])
        return [one.text for one in found]

    return swapped


def test_a_substitute_takes_the_case_of_the_word(swaps):
    resources = Recorder({"good": ("fine", "great")})
    assert swaps(resources, "Good film", 0) == ["Fine film", "Great film"]
    assert swaps(resources, "GOOD film", 0) == ["FINE film", "GREAT film"]


def test_short_texts_are_not_compared_and_long_ones_are(swaps):
    resources = Recorder({"good": ("fine", "splendid")})
    assert len(swaps(resources, "good" + " the" * (WINDOW - 2), 0)) == 2
    assert resources.encoded == []
    assert len(swaps(resources, "good" + " the" * (WINDOW - 1), 0)) == 1  # the other is too far away
    window = " the" * (WINDOW - 1)
    assert resources.encoded == [[f"good{window}", f"fine{window}", f"splendid{window}"]]


def test_a_place_is_encoded_once_for_all_models(swaps):
    resources = Recorder({"good": ("fine",)})
    for _ in range(2):
        swaps(resources, "good" + " the" * WINDOW, 0)
    assert len(resources.encoded) == 1
    swaps(resources, "good" + " film" * WINDOW, 0)
    assert len(resources.encoded) == 2


@pytest.mark.parametrize("judged_in_original", [True, False])
def test_a_swap_is_judged_in_the_original_or_where_earlier_swaps_have_led(swaps, judged_in_original):
    resources = Recorder({"good": ("fine",), "film": ("movie",)})
    resources.judged_in_original = judged_in_original
    original = "good film" + " the" * WINDOW
    swaps(resources, original, 0)
    changed = original.replace("film", "movie")
    assert swaps(resources, changed, 0, original, exchanged=1) == [changed.replace("good", "fine")]
    seen = [sentences[0].split()[1] for sentences in resources.encoded]
    assert seen == (["film"] if judged_in_original else ["film", "movie"])
