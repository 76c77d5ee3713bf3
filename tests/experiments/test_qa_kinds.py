"""Kinds that train and compare models of extractive QA, on a few questions about who was what."""

import json
from dataclasses import replace
from random import Random

import numpy as np
import pandas as pd
import pytest
import tiny_profile
import torch
from workshop import Workshop

from bert_compression.compression import load_model
from bert_compression.errors import BadInput
from bert_compression.experiments import Grid, Job
from bert_compression.experiments.kinds.compare import NEIGHBOURS
from bert_compression.experiments.kinds.predict import ANSWERS, VECTORS
from bert_compression.inference import cls_vectors
from bert_compression.metrics import linear_cka, neighbour_jaccard
from bert_compression.models import load_tokenizer
from bert_compression.papers.miniature import tables as miniature
from bert_compression.tasks import TASKS, FolderSource, encode_windows, get_task

NOUNS, STATES = ("dog", "cat", "hen", "farmer", "doctor", "bus"), ("wet", "old", "hungry", "clean")
PROFILE = replace(
    tiny_profile.shrunk("smoke"),
    seeds=(0, 1),
    train_size=dict.fromkeys(TASKS),
    epochs=1,
    window=32,
    stride=4,
)


@pytest.fixture(scope="module", autouse=True)
def sizes():
    """Small ones."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setitem(miniature.SIZES, "smoke", replace(miniature.SIZES["smoke"], represented=40))
        yield


KS = (5, 10)


def questions(rows: int, seed: int, title: str) -> pd.DataFrame:
    """Who was what, in paragraphs of which some take two windows; a third of the questions have no answer."""
    rng, lines = Random(seed), []
    for number in range(rows):
        told = dict(zip(rng.sample(STATES, 3), rng.sample(NOUNS, 3), strict=True))
        context = (
            " ".join(f"the {noun} was {state} ." for state, noun in told.items()) + " the sea was big ." * 3
        )
        asked = rng.choice(STATES)
        noun = told.get(asked)
        answers = (
            {"text": [noun], "answer_start": [context.index(noun)]}
            if noun
            else {"text": [], "answer_start": []}
        )
        lines.append(
            {
                "id": f"{title}-{number}",
                "title": title,
                "context": context,
                "question": f"who was {asked} ?",
                "answers": answers,
            }
        )
    return pd.DataFrame(lines)


def workshop(folder) -> Workshop:
    for name, split, rows, seed in (
        ("squad2", "train", 90, 0),
        ("squad2", "validation", 45, 1),
        ("films", "validation", 45, 2),
    ):
        place = folder / "data" / "sets" / name
        place.mkdir(parents=True, exist_ok=True)
        questions(rows, seed, name).to_parquet(place / f"{split}.parquet")
    return Workshop(FolderSource(folder / "data"), folder / "store")


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Workshop:
    return workshop(tmp_path_factory.mktemp("house"))


def grid(seed: int = 0) -> Grid:
    return Grid(PROFILE, get_task("squad2"), seed)


def jobs_of(table, *methods) -> list[Job]:
    """The table's jobs of these methods; of pairs, those between them."""
    chosen = [job for job in table.jobs(PROFILE) if job.method in methods]
    return [job for job in chosen if job.params.get("other", job.method) in methods]


def array(folder, file, name) -> np.ndarray:
    with np.load(folder / file) as arrays:
        return arrays[name]


def test_a_qa_model_is_trained_on_windows_and_reproduces_itself(house, tmp_path):
    job = miniature._model("tiny", grid())
    record = house.record(job)
    assert record["metrics"]["train_examples"] == 90 and record["metrics"]["steps"] == 6  # 180 windows or so
    model = load_model(house.place(job))
    assert model.config.num_hidden_layers == 2 and hasattr(model, "qa_outputs")
    again = load_model(workshop(tmp_path).place(job))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


def test_answers_are_kept_and_scored_question_by_question(house):
    (job, *_) = jobs_of(miniature.ERRORS, "tiny")
    record, texts = house.record(job), json.loads((house.place(job) / ANSWERS).read_text())
    gold = house.resolver.examples(job).labels
    exact = "".join(
        str(int(text == (label[0][1] if label else ""))) for text, label in zip(texts, gold, strict=True)
    )
    assert record["per_example"]["exact"] == exact and len(exact) == 45
    assert record["per_example"]["answerable"] == "".join(str(int(bool(label))) for label in gold)
    metrics = record["metrics"]
    assert metrics["exact_match"] == pytest.approx(exact.count("1") / 45)
    assert metrics["windows"] > 45 and metrics["examples"] == 45
    assert metrics["exact_match_low"] <= metrics["exact_match"] <= metrics["exact_match_high"]


def test_vectors_are_the_models_own_for_the_first_window_of_each_question(house):
    job = miniature._states(grid(), miniature._model("tiny", grid()), "squad2", "validation")
    last, layers = (array(house.place(job), VECTORS, name) for name in ("last", "layers"))
    assert last.shape == (40, 64) and layers.shape == (3, 40, 64)
    assert np.array_equal(layers[-1], last)
    model = load_model(house.place(miniature._model("tiny", grid())))
    texts = house.resolver.examples(job).at_most(40).texts
    windows = encode_windows(texts, load_tokenizer("builtin-bert"), 32, 4)
    assert cls_vectors(model, windows.first_of_each())[-1] == pytest.approx(last, abs=1e-4)


def test_pairs_are_compared_as_the_metrics_compare_them(house, monkeypatch):
    pairs = jobs_of(miniature.REPRESENTATION, "mini", "tiny")
    assert [(p.method, p.seed, p.params["other"], p.params["other_seed"]) for p in pairs] == [
        ("mini", 0, "mini", 1),
        ("mini", 0, "tiny", 1),
        ("tiny", 0, "tiny", 1),
        ("mini", 1, "tiny", 0),
    ]
    few = replace_ks(pairs[1])
    record = house.record(few)
    one, other = (array(house.place(few.inputs[f"states_{side}"]), VECTORS, "last") for side in "ab")
    for k in KS:
        assert record["metrics"][f"neighbour_jaccard_{k}"] == pytest.approx(neighbour_jaccard(one, other, k))
        assert 0 < record["metrics"][f"neighbour_jaccard_{k}_chance"] < 1
    assert record["metrics"]["cka_last"] == pytest.approx(linear_cka(one, other, unbiased=True), abs=1e-6)
    assert np.shape(record["per_example"]["cka"]) == (4, 2)
    assert array(house.place(few.inputs["neighbours_a"]), NEIGHBOURS, "nearest").shape == (40, 10)


def replace_ks(pair: Job) -> Job:
    """The same pair with fewer neighbours than there are points."""
    inputs = {
        name: Job(job.kind, {**job.params, "k": max(KS)}, job.inputs, job.method)
        if job.kind == "nearest_neighbours"
        else job
        for name, job in pair.inputs.items()
    }
    return Job("similarity", {**pair.params, "ks": list(KS)}, inputs, pair.method)


def test_more_neighbours_than_points_is_refused_in_one_line(house):
    pair = jobs_of(miniature.REPRESENTATION, "mini", "tiny")[0]
    with pytest.raises(BadInput, match="other points"):
        house.record(pair)


def test_ood_detection_measures_from_the_models_training_questions(house):
    (job, *_) = jobs_of(miniature.DISTRIBUTION, "tiny")
    few = Job("ood_detection", {**job.params, "k": 5}, job.inputs, job.method)
    record = house.record(few)
    assert record["task"] == "films" and record["metrics"]["training_points"] == 40
    inside, outside = record["per_example"]["inside"], record["per_example"]["outside"]
    assert (len(inside), len(outside)) == (40, 40)
    assert inside.count("1") == 2  # 5 % of forty
    assert record["metrics"]["flagged"] == pytest.approx(outside.count("1") / 40)
    assert record["metrics"]["fpr95"] == pytest.approx(1 - outside.count("1") / 40)


def test_questions_without_any_answer_teach_nothing(house, tmp_path):
    place = tmp_path / "data" / "sets" / "squad2"
    place.mkdir(parents=True)
    table = questions(30, 0, "none")
    table["answers"] = [{"text": [], "answer_start": []}] * 30
    table.to_parquet(place / "train.parquet")
    nowhere = Workshop(FolderSource(tmp_path / "data"), tmp_path / "store")
    with pytest.raises(BadInput, match=r"^none of the questions to train on has an answer"):
        nowhere.record(miniature._model("tiny", grid()))
