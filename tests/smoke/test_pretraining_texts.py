"""The texts that the built-in BERT is pretrained on: of all kinds, of like length, and never held out."""

from collections import Counter
from itertools import islice
from random import Random

from bert_compression.smoke import builtin
from bert_compression.smoke.language import CONCEPT_OF, FUNCTION_WORDS
from bert_compression.smoke.pretraining_texts import (
    BATCH,
    KIND_OF_MARKER,
    KINDS,
    LONGEST,
    MARKERS,
    NO_ANSWER,
    PASSAGES,
    SHARES,
    Document,
    batches,
    document,
    length,
)


def documents(count: int, seed: int) -> list[Document]:
    return [document(rng) for rng in [Random(seed)] for _ in range(count)]


def kind_of(document: Document) -> str:
    return KINDS[KIND_OF_MARKER[document.marker]]


def test_documents_hold_no_validation_text_and_no_rare_word():
    shown = documents(8000, seed=0)
    words = {word for each in shown for text in each.texts for word in text.split()}
    rare = {word for word, concept in CONCEPT_OF.items() if word in concept.rare}
    assert not words & rare
    assert words == {*CONCEPT_OF, *FUNCTION_WORDS} - rare
    # Of a passage the context is held out, whatever is asked about it.
    texts = {each.texts[1:] if kind_of(each) == PASSAGES else each.texts for each in shown}
    assert not any(builtin.is_held_out("\n".join(each)) for each in texts)
    for task, generated in builtin.GENERATED.items():
        for split in set(generated.splits) - {"train"}:
            held_out = builtin.load(task, split)[list(generated.texts)]
            assert not texts & set(held_out.itertuples(index=False, name=None))


def test_documents_are_of_all_kinds_and_their_markers_are_those_of_their_kind():
    markers = [marker for markers in MARKERS.values() for marker in markers]
    marks = {
        "reviews": ["."],
        "pairs of statements": [".", "."],
        "pairs of questions": ["?", "?"],
        "questions with statements": ["?", "."],
        "questions with passages": ["?", "."],
    }
    kinds, shown = Counter(), Counter()
    for each in documents(4000, seed=1):
        kind = kind_of(each)
        assert markers[each.marker] in MARKERS[kind]
        last = [text[-1] for text in each.texts]
        assert last in ([["."], ["?"]] if kind == "sentences" else [marks[kind]])
        kinds[kind] += 1
        shown[kind, markers[each.marker]] += 1
    for kind, share in SHARES.items():
        assert abs(kinds[kind] / 4000 - share / sum(SHARES.values())) < 0.03
        assert (
            min(shown[kind, marker] for marker in MARKERS[kind]) > 0.08 * kinds[kind]
        )  # the equivalent pairs
    assert len(shown) == len(markers) == len(KIND_OF_MARKER)


def test_of_passages_the_span_is_a_thing_a_place_or_a_time_and_of_those_without_an_answer_cls():
    answered = Counter()
    for each in documents(2000, seed=2):
        assert length(each) <= LONGEST
        assert (each.span is not None) == (kind_of(each) == PASSAGES)
        if each.span:
            first, last = each.span
            question, passage = (text.split() for text in each.texts)
            said = ["[CLS]", *question, "[SEP]", *passage, "[SEP]"][first : last + 1]
            has_answer = KIND_OF_MARKER[: each.marker].count(KINDS.index(PASSAGES)) == 1
            assert (each.span != NO_ANSWER) == has_answer
            assert said == ["[CLS]"] if not has_answer else (said[0] == "the" and 2 <= len(said) <= 3)
            answered[has_answer] += 1
    assert abs(answered[True] / answered.total() - 0.5) < 0.06


def test_batches_hold_documents_of_like_length():
    pool = list(islice(batches(Random(0)), 32))
    lengths = [[length(each) for each in batch] for batch in pool]
    assert {len(batch) for batch in pool} == {BATCH}
    assert sum(max(batch) - min(batch) for batch in lengths) / 32 < 2.5
    assert max(map(max, lengths)) - min(map(min, lengths)) > 10
