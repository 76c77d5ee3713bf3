"""The built-in BERT: that it can be remade, that it is what was shipped, and that it is worth having."""

import hashlib
import json
import re

import numpy as np
import pytest
import torch

from bert_compression.attacks import attack, load_resources
from bert_compression.experiments.profiles import get_profile
from bert_compression.inference import answer_questions, predict_logits
from bert_compression.metrics.robustness import FOOLED, WITHSTOOD
from bert_compression.metrics.squad import exact_match
from bert_compression.models import BUILTIN, load_encoder, load_qa_model
from bert_compression.smoke import pretraining
from bert_compression.smoke.language import CONCEPT_OF, FUNCTION_WORDS
from bert_compression.smoke.pretraining import SHIPPED
from bert_compression.smoke.pretraining_texts import SHARES, Document
from bert_compression.tasks import TASKS, encode, load_examples
from bert_compression.tasks.baselines import trivial_baselines
from bert_compression.tasks.examples import first_span, gold_texts
from bert_compression.tasks.sources import BuiltinSource
from bert_compression.tasks.windows import answer_positions, encode_windows
from bert_compression.training import CrossEntropy, SpanCrossEntropy, TrainingSettings
from bert_compression.training import train as fit


def test_a_short_pretraining_is_the_same_to_the_last_bit_and_another_seed_is_not(tmp_path):
    def digests(name: str, seed: int) -> dict[str, str]:
        pretraining.save(pretraining.pretrain(steps=4, seed=seed), tmp_path / name, steps=4)
        return json.loads((tmp_path / name / "DIGESTS.json").read_text())

    first, again, other = digests("first", 0), digests("again", 0), digests("other", 1)
    assert first == again
    assert first["model.safetensors"] != other["model.safetensors"]
    assert first["vocab.txt"] == other["vocab.txt"]


def test_the_command_writes_a_folder_that_transformers_opens(tmp_path, capsys):
    from transformers import AutoModel, AutoTokenizer

    assert pretraining.main(["--folder", str(tmp_path / "bert"), "--steps", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"step 2: \d+ s, marker loss \d\.\d{4}, span loss \d\.\d{4}", lines[0])
    for kind, line in zip(pretraining.KINDS, lines[1:7], strict=True):
        assert re.fullmatch(rf"marker accuracy on \d+ fresh {kind}: [01]\.\d{{3}}", line)
    assert re.fullmatch(r"exact spans in these passages: [01]\.\d{3}", lines[7])
    assert {path.name for path in (tmp_path / "bert").iterdir()} == {*pretraining.FILES, "DIGESTS.json"}
    assert AutoModel.from_pretrained(tmp_path / "bert").config.num_hidden_layers == 12
    assert len(AutoTokenizer.from_pretrained(tmp_path / "bert")) == len(pretraining.VOCABULARY)


def test_a_marker_is_weighed_against_those_of_its_kind_only():
    head = torch.nn.Linear(4, len(pretraining.KIND_OF_MARKER))
    markers = torch.tensor([0, 3, len(pretraining.KIND_OF_MARKER) - 1])
    chances = pretraining._scores(head, torch.ones(3, 4), markers).softmax(1)
    for row, marker in zip(chances, markers.tolist(), strict=True):
        same = [kind == pretraining.KIND_OF_MARKER[marker] for kind in pretraining.KIND_OF_MARKER]
        assert (row > 0).tolist() == same


def test_a_pair_is_encoded_as_the_tokenizer_encodes_it(tokenizer):
    documents = [
        Document(("the dog was wet .", "no animal was dry ."), 3),
        Document(("the film was never good .",), 0),
        Document(("who was wet ?", "the farmer was wet ."), 15, (6, 7)),
    ]
    inputs, markers, spans = pretraining.encode(documents)
    for row, document in enumerate(documents):
        expected = tokenizer(*document.texts)
        length = len(expected["input_ids"])
        for name, values in expected.items():
            assert inputs[name][row, :length].tolist() == values
            assert not inputs[name][row, length:].any()
    assert markers.tolist() == [3, 0, 15]
    assert spans.tolist() == [[-100, -100], [-100, -100], [6, 7]]
    assert tokenizer.decode(inputs["input_ids"][2, 6:8]) == "the farmer"


def test_places_beyond_a_text_are_never_chosen_and_what_is_not_asked_costs_nothing():
    head, states = torch.nn.Linear(4, 2), torch.randn(2, 5, 4)
    places = pretraining._places(head, states, torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]))
    assert places.shape == (2, 5, 2)
    assert (places.softmax(dim=1)[0, 3:] == 0).all() and (places.softmax(dim=1)[1] > 0).all()

    def loss(spans: list) -> float:
        return torch.nn.functional.cross_entropy(places, torch.tensor(spans), reduction="sum").item()

    assert loss([pretraining.NOT_ASKED, pretraining.NOT_ASKED]) == 0
    assert loss([(0, 2), pretraining.NOT_ASKED]) == pytest.approx(
        -places.log_softmax(dim=1)[0, [0, 2], [0, 1]].sum().item()
    )


def test_shipped_files_are_those_that_the_digests_name():
    digests = json.loads((SHIPPED / "DIGESTS.json").read_text())
    assert digests.keys() == set(pretraining.FILES)
    for name, digest in digests.items():
        assert hashlib.sha256((SHIPPED / name).read_bytes()).hexdigest() == digest
    assert (SHIPPED / "model.safetensors").stat().st_size < 1_000_000


def test_shipped_files_are_those_that_the_code_writes(tmp_path):
    """All but the weights, and for them the recipe: who changes the language, the shape or a setting has to
    run `make builtin-bert`."""
    pretraining.save(pretraining.pretrain(steps=1), tmp_path, steps=pretraining.STEPS)
    for name in set(pretraining.FILES) - {"model.safetensors"}:
        assert (tmp_path / name).read_bytes() == (SHIPPED / name).read_bytes(), name
    assert (tmp_path / "model.safetensors").read_bytes() != (SHIPPED / "model.safetensors").read_bytes()


def test_the_recipe_notices_other_texts_and_other_settings(monkeypatch):
    before = pretraining.recipe(100)
    assert before == pretraining.recipe(100) != pretraining.recipe(101)
    monkeypatch.setitem(SHARES, "sentences", 15)
    changed = pretraining.recipe(100)
    assert {name for name in before if before[name] != changed[name]} == {"first_texts_sha256"}


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(SHIPPED)


def test_every_word_of_the_language_is_one_token(tokenizer):
    assert tokenizer.model_max_length == pretraining.MAX_LENGTH
    for word in (*CONCEPT_OF, *FUNCTION_WORDS):
        assert tokenizer.tokenize(word) == [word]
    ids = tokenizer("The movie was xyzzy .", "a zebra")["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids) == [
        "[CLS]", "the", "movie", "was", "[UNK]", ".", "[SEP]", "[UNK]", "[UNK]", "[SEP]"
    ]  # fmt: skip
    assert len(tokenizer("the movie " * 5000, truncation=True)["input_ids"]) == pretraining.MAX_LENGTH


def test_shipped_weights_load_whole_and_in_full_precision():
    from transformers import BertForSequenceClassification

    load = BertForSequenceClassification.from_pretrained
    model, info = load(SHIPPED, num_labels=2, output_loading_info=True)
    assert set(info["missing_keys"]) == {"classifier.weight", "classifier.bias"}
    assert not info["unexpected_keys"]
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert sum(parameter.numel() for parameter in model.bert.parameters()) == 459_264


def test_words_that_were_never_shown_have_no_vector_and_all_others_have():
    vectors = load_encoder(BUILTIN, 2, seed=0).bert.embeddings.word_embeddings.weight
    rare = {word for word, concept in CONCEPT_OF.items() if word in concept.rare}
    empty = {word for word, row in zip(pretraining.VOCABULARY, vectors, strict=True) if not row.any()}
    assert empty == rare


def fine_tuned(name: str, tokenizer):
    """The task, a teacher fine-tuned as the profile smoke does it, and what it learned from."""
    profile, task = get_profile("smoke"), TASKS[name]
    train = load_examples(BuiltinSource(), task, "train", profile.train_size[name])
    model = load_encoder(BUILTIN, task.outputs, seed=0)
    settings = TrainingSettings(epochs=profile.epochs, seed=0, **profile.training)
    encoded = encode(train.texts, tokenizer, profile.max_length)
    fit(model, encoded, list(train.labels), CrossEntropy(), settings)
    return task, model, train


@pytest.fixture(scope="module", params=["sst2", "mnli"])
def teacher(request, tokenizer):
    return fine_tuned(request.param, tokenizer)


def held_against_words_alone(task, split, model, train, tokenizer, capsys) -> tuple[float, float]:
    """The share of right answers, of regression targets the correlation; and how far it lies above trivial
    baselines."""
    evaluated = load_examples(BuiltinSource(), task, split)
    logits = predict_logits(model, encode(evaluated.texts, tokenizer, 128))
    if task.regression:
        score = float(np.corrcoef(logits[:, 0], evaluated.labels)[0, 1])
    else:
        score = float((logits.argmax(1) == evaluated.labels).mean())
    baselines = trivial_baselines(train, evaluated)
    with capsys.disabled():
        beside = ", ".join(f"{name} {fraction:.1%}" for name, fraction in baselines.items())
        print(f"\n{task.name}/{split}: teacher {score:.1%}, {beside}")
    return score, score - max(baselines.values())


AT_LEAST = {"sst2": 0.95, "mnli": 0.76}


def test_a_fine_tuned_teacher_reads_and_does_not_count_words(teacher, tokenizer, capsys):
    """Negation, order and opposites decide; the trivial baselines see none of them."""
    task, model, train = teacher
    for split in task.evaluated:
        score, ahead = held_against_words_alone(task, split, model, train, tokenizer, capsys)
        assert score > AT_LEAST[task.name] and ahead > 0.2


@pytest.mark.parametrize(
    ("name", "at_least"),
    [("qqp", 0.82), ("mrpc", 0.85), ("qnli", 0.78), ("rte", 0.85), ("stsb", 0.72), ("cola", 0.92)],
)
def test_the_other_tasks_are_learned_far_beyond_words_alone(name, at_least, tokenizer, capsys):
    task, model, train = fine_tuned(name, tokenizer)
    score, ahead = held_against_words_alone(task, "validation", model, train, tokenizer, capsys)
    assert score > at_least and ahead > 0.1


def exact_matches(layers: int, tokenizer) -> dict[str, tuple[float, float]]:
    """The lower layers, taught 1,500 questions on everyday passages for two epochs: by set, the share of
    exact matches where there is an answer, and where there is none."""
    reader = load_qa_model(BUILTIN, seed=0)
    reader.bert.encoder.layer = reader.bert.encoder.layer[:layers]
    train = load_examples(BuiltinSource(), TASKS["squad2"], "train", 1500)
    windows = encode_windows(train.texts, tokenizer, 64, 16)
    spans = answer_positions(windows, [first_span(label) for label in train.labels])
    settings = TrainingSettings(epochs=2, seed=0, **get_profile("smoke").training)
    fit(reader, windows, spans, SpanCrossEntropy(), settings)
    found = {}
    for name in ("squad2", "films"):
        asked = load_examples(BuiltinSource(), TASKS[name], "validation")
        contexts = [context for _, context in asked.texts]
        given = answer_questions(reader, encode_windows(asked.texts, tokenizer, 64, 16), contexts)
        gold = map(gold_texts, asked.labels)
        right = np.array([exact_match(*each) for each in zip(given.texts, gold, strict=True)])
        has_answer = np.array([len(label) > 0 for label in asked.labels])
        found[name] = right[has_answer].mean(), right[~has_answer].mean()
    return found


def test_questions_on_passages_are_learned_and_fewer_layers_learn_less(tokenizer, capsys):
    """A model that never answers has none of the first and all of the second right, 0.4 in all."""
    found = {layers: exact_matches(layers, tokenizer) for layers in (12, 6, 2)}
    with capsys.disabled():
        for layers, by_set in found.items():
            told = (f"{name} {has:.1%} and {none:.1%}" for name, (has, none) in by_set.items())
            print(f"\n{layers} layers, answerable and not: {', '.join(told)}")
    for name in ("squad2", "films"):
        overall = {layers: 0.6 * by_set[name][0] + 0.4 * by_set[name][1] for layers, by_set in found.items()}
        assert overall[12] > 0.65 and min(found[12][name]) > 0.6
        assert overall[12] - 0.02 > overall[6] > overall[2] + 0.05


def test_an_attack_finds_something_and_not_everything(teacher, tokenizer, capsys):
    """How many words are rare decides it: builtin.RARE, and the words behind the bars of words.LEXICON. But
    fine-tunings differ: of pairs, from 18 to 48 % have been seen to withstand."""
    task, model, _ = teacher
    examples = load_examples(BuiltinSource(), task, task.evaluated[0], 60)
    found = attack(model, tokenizer, examples, load_resources("builtin"), task=task, max_length=128)
    withstood = found.outcomes.count(WITHSTOOD) / 60
    with capsys.disabled():
        print(f"\n{task.name}: {withstood:.1%} withstood")
    assert 0.1 < withstood < 0.75
    assert found.outcomes.count(FOOLED) > 5
