"""The attack as a whole: what it reports, what it refuses, and what it leaves untouched."""

import copy
import dataclasses
import random
import re

import numpy as np
import pytest
import torch
from tiny import MAX_LENGTH, PAIRS, TASK, Examples, batch_dependent, labelled, sentences

from bert_compression.attacks import AttackResult, attack, textfooler
from bert_compression.attacks.environment import import_textattack
from bert_compression.attacks.resources import BuiltinResources
from bert_compression.attacks.victim import Victim
from bert_compression.compression import quantize
from bert_compression.errors import BadInput


@pytest.fixture
def run(model, tokenizer, builtin):
    def attacked(examples, model=model, **options) -> AttackResult:
        options = {"task": TASK, "max_length": MAX_LENGTH, **options}
        return attack(model, tokenizer, examples, builtin, **options)

    return attacked


def answers(model, tokenizer, texts):
    return [int(Victim(model, tokenizer, MAX_LENGTH).alone(text).argmax()) for text in texts]


def test_every_outcome_is_what_the_model_says(run, model, tokenizer, examples):
    result = run(examples)
    before = answers(model, tokenizer, [texts[0] for texts in examples.texts])
    after = answers(model, tokenizer, result.texts)
    for row, (outcome, label) in enumerate(zip(result.outcomes, examples.labels, strict=True)):
        assert (outcome == 0) == (before[row] != label)
        assert (outcome == 2) == bool(result.texts[row]) == bool(result.words_changed[row])
        if outcome == 2:
            assert after[row] != label
            old, new = examples.texts[row][0].split(), result.texts[row].split()
            assert sum(a != b for a, b in zip(old, new, strict=True)) == result.words_changed[row]
    assert set(result.outcomes) == {0, 1, 2}
    fooled = [count for count in result.words_changed if count]
    assert result.words_changed_mean == sum(fooled) / len(fooled)
    assert result.lost_alone == 0


def test_the_same_call_gives_the_same_result_and_another_model_another(run, other_model, examples):
    first = run(examples)
    random.seed(99), np.random.seed(99), torch.manual_seed(99)
    assert run(examples) == first
    assert run(examples, model=other_model) != first


def test_resources_that_have_served_other_models_give_the_same_results(
    model, other_model, tokenizer, examples
):
    """And work out nothing again for a model that asks the same."""
    shared = BuiltinResources()
    models = {
        "one": model,
        "another": other_model,
        "eight bits": quantize(copy.deepcopy(model), "dynamic"),
        "one again": copy.deepcopy(model),
    }
    found, worked_out = {}, {}
    for name, each in models.items():
        before = shared.swaps.cache_info().misses
        options = {"task": TASK, "max_length": MAX_LENGTH, "one_at_a_time": name == "eight bits"}
        found[name] = attack(each, tokenizer, examples, shared, **options)
        worked_out[name] = shared.swaps.cache_info().misses - before
        assert found[name] == attack(each, tokenizer, examples, BuiltinResources(), **options)
    assert worked_out["one again"] == 0 < worked_out["another"] < worked_out["one"]
    assert found["one again"] == found["one"] != found["another"]


def test_a_success_that_does_not_hold_alone_is_none(run, model, tokenizer, monkeypatch):
    examples = labelled(model, tokenizer, sentences(12, seed=6), wrong_every=0)
    honest = run(examples)
    assert 2 in honest.outcomes
    monkeypatch.setattr(model, "forward", _contrary_in_a_batch(model.forward))
    batched, alone = run(examples), run(examples, one_at_a_time=True)
    assert 0 < batched.lost_alone <= batched.outcomes.count(1)
    lost = [one == 1 and found == 2 for one, found in zip(batched.outcomes, batched.as_found, strict=True)]
    assert sum(lost) == batched.lost_alone
    assert alone.as_found == alone.outcomes
    assert alone == honest  # one text at a time, there is no batch


def test_a_search_that_gave_up_can_be_judged_by_its_last_text(run, model, tokenizer, monkeypatch):
    """As TextFooler's released code does: in company this model never gives in, alone it does."""
    both = labelled(model, tokenizer, sentences(40, seed=6), wrong_every=0)
    places = [place for place, label in enumerate(both.labels) if label == 0]
    examples = Examples(tuple(both.texts[place] for place in places), (0,) * len(places))
    honest = run(examples)
    forward = model.forward

    def stubborn(**inputs):
        output = forward(**inputs)
        if len(inputs["input_ids"]) > 1:
            lead = torch.nn.functional.softplus(output.logits[:, 0] - output.logits[:, 1], beta=4)
            output.logits = torch.stack([lead, torch.zeros_like(lead)], dim=1)
        return output

    monkeypatch.setattr(model, "forward", stubborn)
    kept, judged = run(examples), run(examples, judge_failures=True)
    assert kept.won_alone == 0 < judged.won_alone
    assert judged.as_found == kept.as_found and judged.queries == kept.queries
    monkeypatch.setattr(model, "forward", forward)
    after = answers(model, tokenizer, judged.texts)
    for outcome, found, text, answer in zip(
        judged.outcomes, judged.as_found, judged.texts, after, strict=True
    ):
        assert (outcome == 2) == bool(text)
        assert outcome != 2 or answer != 0
        assert found != 2 or outcome == 2  # what was found, was found with a batch of one
    # Where nobody is stubborn, nothing is found alone that the search has not found.
    assert run(examples, judge_failures=True) == honest and honest.won_alone == 0


def _contrary_in_a_batch(forward):
    def wrapped(**inputs):
        output = forward(**inputs)
        if len(inputs["input_ids"]) > 1:
            output.logits = output.logits.flip(-1)
        return output

    return wrapped


def test_padded_texts_have_the_full_length_alone_or_not(run, model, tokenizer, monkeypatch):
    examples = labelled(model, tokenizer, sentences(6, seed=6), wrong_every=0)
    shapes = []

    def seen(forward):
        def wrapped(**inputs):
            shapes.append(tuple(inputs["input_ids"].shape))
            assert (inputs["input_ids"][inputs["attention_mask"] == 0] == tokenizer.pad_token_id).all()
            return forward(**inputs)

        return wrapped

    unpadded = run(examples)
    monkeypatch.setattr(model, "forward", seen(model.forward))
    padded = run(examples, padded=True)
    assert {length for _, length in shapes} == {MAX_LENGTH}
    assert 1 in {texts for texts, _ in shapes} and 1 < max(texts for texts, _ in shapes) <= 32
    assert padded.outcomes == unpadded.outcomes  # this model does not mind


def test_a_batch_dependent_model_is_judged_by_its_answer_to_one_text(run, model, tokenizer, monkeypatch):
    monkeypatch.setattr(model, "forward", batch_dependent(model.forward))
    examples = labelled(model, tokenizer, sentences(30, seed=7), wrong_every=0)
    for one_at_a_time in (False, True):
        result = run(examples, one_at_a_time=one_at_a_time)
        said = answers(model, tokenizer, result.texts)
        for outcome, answer, label in zip(result.outcomes, said, examples.labels, strict=True):
            assert outcome != 2 or answer != label
        assert one_at_a_time <= (result.lost_alone == 0)


def test_only_the_attacked_column_changes(run, model, tokenizer):
    texts = list(zip(sentences(10, seed=8), sentences(10, seed=9), strict=True))
    pairs = labelled(model, tokenizer, texts, wrong_every=0)
    second, first = run(pairs, task=PAIRS), run(pairs, task=_attacking_the_first())
    assert 2 in second.outcomes and 2 in first.outcomes
    for result, column in ((first, 0), (second, 1)):
        fooled = [row for row, outcome in enumerate(result.outcomes) if outcome == 2]
        assert all(_same_words_but(texts[row][column], result.texts[row]) for row in fooled)


def _attacking_the_first():
    return type(PAIRS)(**{**vars(PAIRS), "attacked": 0})


def _same_words_but(old, new):
    return old != new and len(old.split()) == len(new.split())


def test_a_text_of_10000_words_is_attacked_where_the_model_reads_it(run, model, tokenizer):
    start = "the film was good but the plot was bad although we never enjoyed the music ."
    long = start + " the" * 10_000 + " splendid"
    short = start + " the" * (MAX_LENGTH + 1)
    examples = labelled(model, tokenizer, [long, short], wrong_every=0)
    result = run(examples)
    assert result.outcomes[0] == result.outcomes[1]
    assert result.queries[0] == result.queries[1]  # no query for a word that the model cannot see
    if result.outcomes[0] == 2:
        assert result.texts[0].endswith(" the splendid")
        assert result.texts[0].split()[:40] == result.texts[1].split()[:40]


@pytest.mark.parametrize(
    ("text", "queries"),
    [
        ("the was that .", 1),  # function words only
        ("zzz", 2),  # a word without synonyms: itself, and itself deleted
        ("...", 1),  # no word at all
        ("good", 2 + 3),  # one word and its three synonyms
    ],
)
def test_texts_with_little_to_attack(run, model, tokenizer, text, queries):
    result = run(labelled(model, tokenizer, [text], wrong_every=0))
    assert result.outcomes[0] in (1, 2)
    assert result.queries == (queries,)


@pytest.mark.parametrize("text", ["the film <SPLIT> was good .", "<SPLIT>"])
def test_textattacks_separator_of_columns_may_stand_in_a_text(run, model, tokenizer, text):
    single = labelled(model, tokenizer, [text, "the film was good ."], wrong_every=0)
    result = run(single)
    assert 0 not in result.outcomes
    assert result.queries[1] == run(Examples(single.texts[1:], single.labels[1:])).queries[0]
    pairs = labelled(model, tokenizer, [(text, "the plot was bad ."), ("the plot was bad .", text)], 0)
    assert 0 not in run(pairs, task=PAIRS).outcomes


def test_a_text_with_our_separator_is_attacked_as_the_model_reads_it(run, model, tokenizer):
    """BERT's tokenizer drops the character. The tiny one does not: the labels are those without it."""
    texts = sentences(12, seed=6)
    plain = labelled(model, tokenizer, texts, wrong_every=0)
    marked = Examples(tuple((text.replace(" ", "\0 ", 3),) for text in texts), plain.labels)
    result = run(marked)
    assert result == run(plain) and 2 in result.outcomes


def test_a_capital_substitute_between_angles_is_no_separator(model, tokenizer):
    class Splitting(BuiltinResources):
        def substitutes(self, words, index):
            return ("split",) if words[index].lower() == "good" else ()

    victim = Victim(model, tokenizer, MAX_LENGTH)
    attacker = textfooler(victim, Splitting(), TASK.columns)
    text = import_textattack().shared.AttackedText("the <GOOD> film")
    assert [one.text for one in attacker.get_transformations(text, original_text=text)] == [
        "the <SPLIT> film"
    ]


def test_progress_is_told_after_each_text(run, model, tokenizer):
    told = []
    run(labelled(model, tokenizer, sentences(3)), progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_nothing_is_printed_and_nothing_left_changed(run, model, examples, capfd):
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    model.train()
    run(examples)
    assert model.training
    model.eval()
    assert states == (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        ((("good .",), (" \n",)), (0, 1), "row 1 of sst2 has an empty sentence: there is nothing to attack"),
        ((("good .",),), (2,), "row 0 of sst2 has the label 2: it must lie in 0..1"),
        ((("good .",),), (-1,), "row 0 of sst2 has the label -1: it must lie in 0..1"),
        ((), (), "an attack needs at least one example, and none was given"),
    ],
)
def test_bad_examples_are_refused_before_the_first_query(run, texts, labels, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        run(Examples(texts, labels))


def test_a_result_cannot_be_changed(run, examples):
    result = run(examples)
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.lost_alone = 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_labels": 1}, "sst2 has 2 labels, and the model tells 1 apart"),
        ({"num_labels": 3}, "sst2 has 2 labels, and the model tells 3 apart"),
        (
            {"id2label": {0: "positive", 1: "negative"}},
            "the model's classes are positive, negative, and those of sst2 negative, positive",
        ),
    ],
)
def test_a_model_of_other_classes_is_refused_before_the_first_query(run, model, examples, changes, message):
    other = copy.deepcopy(model)
    for name, value in changes.items():
        setattr(other.config, name, value)
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        run(examples, model=other)
