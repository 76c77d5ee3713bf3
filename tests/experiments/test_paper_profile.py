"""Profile `paper`, walked through: all of Table 1 at BERT-base's shape, random weights, two steps a training.

What it is to measure needs a GPU and downloads; that it runs needs neither.
"""

import json
import os
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    PreTrainedModel,
)

from bert_compression.compression.storage import WEIGHTS
from bert_compression.experiments import PROFILES, get_profile
from bert_compression.experiments.kinds import cost
from bert_compression.inference import predict_logits
from bert_compression.models import encoder_folder, load_encoder, load_tokenizer
from bert_compression.papers import loyalty, open_session
from bert_compression.papers.loyalty import recipes
from bert_compression.smoke import lexicon
from bert_compression.tasks import encode, get_task

TABLE_1 = tuple(row.method for row in loyalty.TABLE_1.rows)
# Appendix A's settings of those methods of Table 1 that train.
KD = {"learning_rate": 3e-5, "batch_size": 64, "warmup": 1000}
SETTINGS = {
    "teacher": KD,
    "truncate_finetune": {**KD, "batch_size": 128, "warmup": 0},
    "kd": {**KD, "alpha": 1.0, "temperature": 10.0},
    "q8_qat": {"learning_rate": 2e-5, "batch_size": 128, "warmup": 0},
    "distilbert": KD,
    "tinybert": KD,
    "pkd": {**KD, "alpha": 0.7, "beta": 500.0, "temperature": 10.0},
    "theseus": {**KD, "batch_size": 128, "warmup": 8000, "k": 2e-5, "b": 0.5},
}
# Two epochs of 16 pairs are two steps of at most 64 or 128, as the appendix has it.
SIZES = {"train": 16, "validation_matched": 3, "validation_mismatched": 2}
# Parameters of BERT-base with a head for three labels, but for its word embeddings; and of one of its layers.
PARAMETERS, LAYER = 86_043_651, 7_087_872
STAYS = ("pretrained", "teacher", "teacher | truncate")  # models that several methods begin with


def random_pairs(split: str) -> list[tuple[str, str]]:
    """Premises and hypotheses of two words each."""
    rng, words = Random(split), sorted(lexicon.CONCEPT_OF)
    return [tuple(" ".join(rng.sample(words, 2)) for _ in range(2)) for _ in range(SIZES[split])]


def write_encoders(folder: Path, vocabulary: Path | None) -> dict[str, str]:
    """BERT-base, DistilBERT and a BERT of six layers, with random weights and one vocabulary."""
    words = (vocabulary or encoder_folder("builtin-bert") / "vocab.txt").read_text(encoding="utf-8")
    size = {"vocab_size": words.count("\n")}
    models = {
        "bert-base": lambda: BertModel(BertConfig(**size)),
        "distilbert": lambda: DistilBertModel(DistilBertConfig(**size)),
        "tinybert": lambda: BertModel(BertConfig(**size, num_hidden_layers=6)),
    }
    for name, make in models.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "vocab.txt").write_text(words, encoding="utf-8")
        settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 512}
        (folder / name / "tokenizer_config.json").write_text(json.dumps(settings))
        tokenizer = load_tokenizer(str(folder / name))
        tokenizer.save_pretrained(folder / name)
        torch.manual_seed(0)
        model = make()
        if name == "bert-base":
            centre(model, tokenizer)
        model.save_pretrained(folder / name)
    return {name: str(folder / name) for name in models}


def centre(model: torch.nn.Module, tokenizer) -> None:
    """Take the mean out of what the pooler sees, or any head would give all texts the same answer."""
    pairs = encode(random_pairs("train"), tokenizer, 128)
    with torch.no_grad():
        states = model.eval()(**pairs.batch(range(len(pairs)))).last_hidden_state[:, 0]
        model.pooler.dense.bias -= model.pooler.dense(states).mean(0)


def write_data(folder: Path, encoder: str) -> Path:
    """Pairs, labelled as the untrained teacher of seed 0 answers: two steps of a warm-up of a thousand teach
    it nothing, and a teacher must know more than the commonest label."""
    (folder / "glue" / "mnli").mkdir(parents=True)
    teacher, tokenizer = load_encoder(encoder, 3, seed=0), load_tokenizer(encoder)
    for split in SIZES:
        pairs = random_pairs(split)
        labels = predict_logits(teacher, encode(pairs, tokenizer, 128)).argmax(axis=1)
        table = pd.DataFrame(pairs, columns=get_task("mnli").columns).assign(label=labels)
        table.to_parquet(folder / "glue" / "mnli" / f"{split}.parquet")
    return folder


def undrawn(config, trust_remote_code):
    """A model to be filled from a file. To draw all its weights first would take a third of the time here."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(PreTrainedModel, "init_weights", lambda model: None)
        return BertForSequenceClassification(config)


@pytest.fixture(scope="module")
def vocabulary(project) -> Path | None:
    """BERT's own, where there are real data."""
    data = Path(os.environ.get("BERT_COMPRESSION_DATA") or project.parent / "shared" / "data")
    found = data / "vocab" / "bert-base-uncased-vocab.txt"
    return found if found.is_file() else None


@pytest.fixture(scope="module")
def records(tmp_path_factory, vocabulary) -> list[dict]:
    """All records of Table 1 with one seed. A model's weights are deleted once its method is measured."""
    folder = tmp_path_factory.mktemp("paper")
    encoders = write_encoders(folder / "encoders", vocabulary)
    data = write_data(folder / "data", encoders["bert-base"])
    profile = replace(
        PROFILES["paper"],
        encoder=encoders["bert-base"],
        resources="builtin",
        train_size={"mnli": SIZES["train"]},
        epochs=2,
        kd_epochs=2,
    )
    sizes = replace(
        recipes.SIZES["paper"],
        checkpoints={name: encoders[name] for name in ("distilbert", "tinybert")},
        theseus_epochs=2,
        importance=16,
        calibration=16,
    )
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("BERT_COMPRESSION_STORE", str(folder / "store"))
        monkeypatch.setitem(PROFILES, "paper", profile)
        monkeypatch.setitem(recipes.SIZES, "paper", sizes)
        monkeypatch.setattr(cost, "ROUNDS", {1: 2})
        monkeypatch.setattr(AutoModelForSequenceClassification, "from_config", undrawn)
        for layer in (torch.nn.Linear, torch.nn.Embedding):  # whose weights BERT draws its own way
            monkeypatch.setattr(layer, "reset_parameters", lambda layer: None)
        session = open_session([loyalty.TABLE_1], get_profile("paper", seeds=1, attacked=2), data)

        def tidy(record: dict) -> None:
            if record["kind"] != "attack":  # the last that is measured of a method
                return
            for old in session.store.records():
                if old["method"] not in STAYS:
                    (session.store.artifacts(old["key"]) / WEIGHTS).unlink(missing_ok=True)

        try:
            return session.run(quiet=True, on_record=tidy)
        finally:
            for path in folder.rglob(WEIGHTS):
                path.unlink()


def one(records, kind, method, **params):
    (found,) = (
        r
        for r in records
        if (r["kind"], r["method"]) == (kind, method) and params.items() <= r["params"].items()
    )
    return found


@pytest.mark.parametrize("method", TABLE_1)
def test_a_method_is_made_and_measured_in_all_four_ways(records, method):
    own = [record for record in records if record["method"] == method]
    assert {(r["status"], r["error"]) for r in own} == {("ok", None)}
    assert {r["profile"] for r in own} == {"paper"}
    expected = {"predict": 2, "attack": 1, "cost": 1, "loyalty": int(method != "teacher")}
    if method == "teacher":
        expected["predict"] += 1  # of the pairs to train on, for those that learn from it
    assert {kind: sum(r["kind"] == kind for r in own) for kind in expected} == expected
    assert all(np.isfinite(list(r["metrics"].values())).all() for r in own)


@pytest.mark.parametrize("method", [method for method in TABLE_1 if method in SETTINGS])
def test_a_training_takes_two_steps_with_the_papers_own_settings(records, method):
    (trained,) = (r for r in records if r["method"] == method and "steps" in r["metrics"])
    metrics, params = trained["metrics"], trained["params"]
    assert (metrics["steps"], metrics["train_examples"]) == (2, 16)
    assert {name: params[name] for name in SETTINGS[method]} == SETTINGS[method]
    assert metrics["bf16"] == int(method != "q8_qat")


def test_models_have_bert_bases_shape_and_half_of_it(records):
    size = records[0]["metrics"]["parameters"]
    words = (size - PARAMETERS) / 768
    assert words == int(words) > 500
    parameters = {method: one(records, "cost", method)["metrics"]["parameters"] for method in TABLE_1}
    assert {m for m, n in parameters.items() if n == size} == {
        *("teacher", "q8_ptq_int8", "q8_ptq_static", "q8_ptq_dynamic", "q8_qat")
    }
    assert {m for m, n in parameters.items() if n == size - 6 * LAYER} == {
        *("truncate_finetune", "kd", "distilbert", "tinybert", "pkd", "theseus")
    }
    # A head is 64 rows of query, key and value, their biases, and 64 columns of the output.
    head = 3 * 64 * 769 + 64 * 768
    assert one(records, "prune_heads", "head_prune")["metrics"]["heads_pruned"] == 65
    assert parameters["head_prune"] == size - 65 * head
    stored = {method: one(records, "cost", method)["metrics"]["stored_bytes"] for method in TABLE_1}
    assert stored["q8_ptq_static"] < 0.26 * stored["teacher"] < 0.26 * 4.01 * size


def test_checkpoints_of_the_hub_are_taken_as_they_are(records):
    for method in ("distilbert", "tinybert"):
        (start,) = (r for r in records if r["params"]["encoder"].endswith(f"/{method}"))
        assert start["kind"] == "pretrained"
        assert start["metrics"]["parameters"] == records[0]["metrics"]["parameters"] - 6 * LAYER
    assert not {"distill_task_agnostic", "new_head"} & {r["kind"] for r in records}


def test_methods_differ_in_what_they_answer(records):
    """So that no model was mistaken for another: a loyalty has more digits than pairs can share."""
    values = {
        method: one(records, "loyalty", method)["metrics"]["probability_loyalty"] for method in TABLE_1[1:]
    }
    assert all(0 < value < 1 for value in values.values())
    assert len(set(values.values())) == len(values)
