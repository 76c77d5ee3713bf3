"""Profile `paper`, walked through with random weights: all of Table 1 at BERT-base's shape, every training two
steps long. What it would measure needs a GPU and downloads; that it runs needs neither."""

import json
from dataclasses import replace
from pathlib import Path
from random import Random

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
from bert_compression.experiments import Session
from bert_compression.experiments.kinds import cost
from bert_compression.experiments.papers.loyalty import APPENDIX_A, TABLE_1
from bert_compression.experiments.profiles import PROFILES
from bert_compression.inference import predict_logits
from bert_compression.models import encoder_folder, load_encoder, load_tokenizer
from bert_compression.tasks import encode, get_task, lexicon

# Two epochs of 32 pairs are two steps of at most 64 or 128, as the appendix has it.
SIZES = {"train": 32, "validation_matched": 4, "validation_mismatched": 3}
# Of BERT-base with a head for three labels, but for its word embeddings, and of its half.
PARAMETERS, HALF = 86_043_651, 86_043_651 - 6 * 7_087_872
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
        torch.manual_seed(0)
        model = make()
        if name == "bert-base":
            centre(model, load_tokenizer(str(folder / name)))
        model.save_pretrained(folder / name)
    return {name: str(folder / name) for name in models}


def centre(model: torch.nn.Module, tokenizer) -> None:
    """Take the mean out of what the pooler sees, or any head would give all texts the same answer."""
    pairs = encode(random_pairs("train"), tokenizer, 128)
    with torch.no_grad():
        states = model.eval()(**pairs.batch(range(len(pairs)))).last_hidden_state[:, 0]
        model.pooler.dense.bias -= model.pooler.dense(states).mean(0)


def write_data(folder: Path, encoder: str) -> Path:
    """Pairs, labelled as the untrained teacher of seed 0 answers: two steps of a warm-up of a thousand teach it
    nothing, and a teacher must know more than the commonest label."""
    (folder / "glue" / "mnli").mkdir(parents=True)
    teacher, tokenizer = load_encoder(encoder, 3, seed=0), load_tokenizer(encoder)
    for split in SIZES:
        pairs = random_pairs(split)
        labels = predict_logits(teacher, encode(pairs, tokenizer, 128)).argmax(axis=1)
        table = pd.DataFrame(pairs, columns=get_task("mnli").columns).assign(label=labels)
        table.to_parquet(folder / "glue" / "mnli" / f"{split}.parquet")
    return folder


def undrawn(config):
    """A model to be filled from a file: to draw all its weights first would take a third of the time here."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(PreTrainedModel, "init_weights", lambda model: None)
        for layer in (torch.nn.Linear, torch.nn.Embedding):
            monkeypatch.setattr(layer, "reset_parameters", lambda layer: None)
        return BertForSequenceClassification(config)


@pytest.fixture(scope="module")
def vocabulary() -> Path | None:
    """BERT's own, where there are real data."""
    from conftest import PROJECT

    found = PROJECT.parent / "shared" / "data" / "vocab" / "bert-base-uncased-vocab.txt"
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
        checkpoints={name: encoders[name] for name in ("distilbert", "tinybert")},
        resources="builtin",
        train_size={"mnli": SIZES["train"]},
        epochs=2,
        kd_epochs=2,
        curriculum={"epochs": 2},
        importance_size=16,
        calibration_size=16,
    )
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("BERT_COMPRESSION_STORE", str(folder / "store"))
        monkeypatch.setitem(PROFILES, "paper", profile)
        monkeypatch.setattr(cost, "ROUNDS", {1: 2, 2: 2})
        monkeypatch.setattr(AutoModelForSequenceClassification, "from_config", undrawn)
        session = Session("loyalty", "table_1", "paper", data, seeds=1, attacked=3)

        def tidy(record: dict) -> None:
            if record["kind"] != "loyalty":  # the last that is measured of a method
                return
            for old in session.store.records():
                if old["method"] not in STAYS:
                    (session.store.artifacts(old["key"]) / WEIGHTS).unlink(missing_ok=True)

        try:
            return session.run(quiet=True, on_record=tidy)
        finally:
            for path in folder.rglob(WEIGHTS):
                path.unlink()
