"""Nonsense in the place of each argument of each public function: refused in one line, or answered rightly.

A function that stands in no table fails here, so that a new one is thought about.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, BertForQuestionAnswering, BertForSequenceClassification

from bert_compression import attacks, compression, inference, metrics, tasks, training
from bert_compression.errors import LINE, BadInput
from bert_compression.models import load_tokenizer

NAN = math.nan
NONSENSE = {
    "nothing": None,
    "a word": "word",
    "a long text": "x\n" * 10_000,
    "bytes": b"bytes",
    "NaN": NAN,
    "infinity": math.inf,
    "less than nothing": -1,
    "a fraction": 1.5,
    "zero": 0,
    "more than a float": 10**400,
    "a great number": 10**30,
    "true": True,
    "complex": 1j,
    "empty": [],
    "an empty array": np.zeros((0, 2)),
    "ragged": [[1], [1, 2]],
    "words": ["one", "two"],
    "NaN among numbers": [1.0, NAN],
    "an array of NaN": np.full((2, 2), NAN),
    "a tensor of NaN": torch.full((2, 2), NAN),
    "a tensor of whole numbers": torch.ones(2, 3, 4, dtype=torch.long),
    "a mapping": {"key": "value"},
    "an object": object(),
    "a function": lambda *_: None,
    "another model": torch.nn.Linear(2, 2),
}


# Arguments that are right


def bert(**changes) -> BertForSequenceClassification:
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    torch.manual_seed(0)
    config = {"vocab_size": len(TOKENIZER), "max_position_embeddings": 40, **sizes, **changes}
    return BertForSequenceClassification(BertConfig(**config)).eval()


@dataclass(frozen=True)
class Fresh:
    """An argument that each call has anew, from an empty folder."""

    make: Callable[[Path], object]


TOKENIZER = load_tokenizer("builtin-bert")
BERT = bert()
GUESSES = BertForMaskedLM(BERT.config).eval()
READER = BertForQuestionAnswering(BERT.config).eval()
TEXTS = tasks.Encoded([[2, 7, 9, 3], [2, 8, 3]], [[0] * 4, [0] * 3], truncated=0, pad_id=0)
BATCH = TEXTS.batch([0, 1])
LABELLED = {**BATCH, "labels": torch.tensor([0, 1])}
LOGITS = torch.tensor([[0.5, 1.0], [0.2, 0.1]])
GOLD = torch.tensor([0, 1])
BINARY, OTHER = [0, 1, 1, 0], [0, 1, 0, 0]
MODELS = [BINARY, OTHER]
SCORES = {"confidence": 0.9, "resamples": 20, "seed": 1}
POINTS = [[1.0, 0.0], [3.0, 1.0], [0.0, 2.0], [-1.0, 9.0], [2.0, 2.0]]
PROBABILITIES = [[0.9, 0.1], [0.4, 0.6]]
NOISE = metrics.SeedNoise(0.1, 4)
SEEDS = [[1.0, 0.0], [0.0, 1.0], [2.0, 1.0]]
SST2, BUILTIN = tasks.get_task("sst2"), attacks.load_resources("builtin")
EXAMPLES = tasks.Examples((("good film",), ("bad film",), ("fine film",), ("poor film",)), (1, 0, 1, 0))
STATES = compression.layer_states(BERT, BATCH)


MODEL = Fresh(lambda folder: bert())
GENERATOR = Fresh(lambda folder: torch.Generator())
FOLDER = Fresh(lambda folder: folder / "new")


def quantized(**options) -> Fresh:
    return Fresh(lambda folder: compression.quantize(bert(), **options))


@Fresh
def packed(folder: Path) -> Path:
    compression.save_packed(bert(), folder)
    return folder


@Fresh
def guessing(folder: Path) -> Path:
    attacks.save_masked_lm(GUESSES, folder)
    return folder


@Fresh
def bit_layer(folder: Path) -> torch.nn.Module:
    model = compression.quantize(bert(hidden_size=64), "dynamic", weight_bits=1)
    return model.bert.encoder.layer[0].attention.output.dense


def each(names: tuple[str, ...], good: dict) -> dict[str, dict]:
    """The same arguments for several functions."""
    return {name: good for name in names}


PAIR = {"gold_labels": BINARY, "predicted_labels": OTHER}
ERRORS = {"errors_a": BINARY, "errors_b": OTHER}
OUTCOMES = {"outcomes": [0, 1, 2, 2], "queries": [1, 30, 10, 20]}
FAR = {"in_distribution": [0.1, 0.2], "out_of_distribution": [0.3, 0.1]}
TWO_WAY = {"first": SEEDS, "second": [[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]], "noise": NOISE}
METRICS = {
    **each(("accuracy", "f1", "matthews_correlation"), PAIR),
    **each(("pearson_correlation", "spearman_correlation"), PAIR),
    "glue_average": {"scores": dict.fromkeys(metrics.GLUE_AVERAGE, 0.5), "without_cola": True},
    **each(("label_agreements", "label_loyalty"), {"teacher_labels": BINARY, "student_labels": OTHER}),
    **each(
        ("probability_loyalties", "probability_loyalty"),
        {"teacher_probs": PROBABILITIES, "student_probs": PROBABILITIES, "base": 2.0},
    ),
    **each(("error_association", "error_jaccard"), ERRORS),
    **each(("error_association_matrix", "error_jaccard_matrix"), {"errors": MODELS}),
    **each(
        ("resampled_error_associations", "resampled_error_jaccards"),
        {"errors": MODELS, "resamples": 20, "seed": 1},
    ),
    "error_jaccard_intervals": {"errors": MODELS, **SCORES},
    "error_overlap_difference": {
        "reference_errors": MODELS, "other_errors": MODELS, "association": True, "resamples": 20, "seed": 1,
        "scale": 100.0,
    },
    "expected_error_jaccard": {"rate_a": 0.5, "rate_b": 0.25},
    **each(
        ("reliability", "expected_calibration_error"),
        {"probabilities": PROBABILITIES, "labels": [0, 1], "bins": 5},
    ),
    "brier_score": {"probabilities": PROBABILITIES, "labels": [0, 1]},
    "at_temperature": {"probabilities": PROBABILITIES, "temperature": 2.0},
    "matching_temperature": {"teacher_probs": PROBABILITIES, "student_probs": PROBABILITIES},
    "kl_divergences": {"from_probs": PROBABILITIES, "to_probs": PROBABILITIES},
    "share_interval": {"successes": 3, "examples": 4, "confidence": 0.9},
    "paired_share_interval": {"first": BINARY, "second": OTHER, "confidence": 0.9},
    "bounded_mean_interval": {"values": [0.0, 1.0], "least": 0, "largest": 1, "draws": 20, "seed": 1},
    "nearest_distances": {"features": POINTS, "training_features": POINTS, "k": 2},
    "outlier_threshold": {"in_distribution": [0.1, 0.2], "passing": 0.9},
    "outlier_auroc": FAR,
    "outlier_fpr": {**FAR, "passing": 0.9},
    "nearest_neighbours": {"vectors": POINTS, "k": 2},
    "neighbour_jaccards": {"neighbours_a": [[1, 2], [0, 2]], "neighbours_b": [[2, 1], [2, 3]]},
    "neighbour_jaccard": {"vectors_a": POINTS, "vectors_b": POINTS, "k": 2},
    "expected_neighbour_jaccard": {"points": 9, "k": 2},
    "linear_cka": {"features_a": POINTS, "features_b": POINTS, "unbiased": False},
    "linear_cka_matrix": {"layers_a": [POINTS], "layers_b": [POINTS], "unbiased": True},
    **each(("withstood", "degradation"), {"outcomes": [0, 1, 2]}),
    **each(("query_contributions", "queries_per_success"), OUTCOMES),
    "attack_summary": {**OUTCOMES, "labels": BINARY},
    "accuracy_within_budget": {**OUTCOMES, "budgets": [0, 30]},
    "relative_degradation_difference": {
        "first_outcomes": [[1, 2, 1, 2] * 9], "second_outcomes": [[1, 1, 1, 2] * 9], "resamples": 20,
        "seed": 1, "scale": 100.0,
    },
    "bootstrap_interval": {"values": [0.0, 1.0], **SCORES},
    "paired_bootstrap_interval": {"first": [0.0, 1.0], "second": [1.0, 1.0], **SCORES},
    "score_interval": {"score": metrics.f1, **PAIR, **SCORES},
    "score_contributions": {"score": "f1", **PAIR},
    "mcnemar": {"first_correct": BINARY, "second_correct": OTHER},
    "seed_noise": {"means": SEEDS, "measured": [[1, 1], [1, 1], [1, 0]]},
    "min_f_prime": TWO_WAY,
    "min_f_errors": TWO_WAY,
    "min_f_interval": {**TWO_WAY, "confidence": 0.9},
    "seed_error": {"differences": [1.0, 2.0], "noise": NOISE},
    "satterthwaite": {"estimate": 1.0, "errors": [metrics.StandardError(0.5, 2)], "confidence": 0.9},
    "spread_interval": {"spread": 2.0, "seeds": 3, "confidence": 0.9},
    "spread_ratio": {"first": 2.0, "second": 1.0, "seeds": 3, "confidence": 0.9},
    "holm": {"p_values": [0.01, 0.2]},
    "normalized_answer": {"text": "The end."},
    **each(("exact_match", "answer_f1"), {"predicted": "the end", "answers": ["end"]}),
    "squad_scores": {"predicted": ["end"], "answers": [["end"]]},
}  # fmt: skip

LOSS = {"student_logits": LOGITS, "teacher_logits": LOGITS.flip(0)}
COMPRESSION = {
    "model_inputs": {"model": BERT, "batch": BATCH},
    "kl_loss": {**LOSS, "temperature": 2.0, "reduction": "sum"},
    "Distillation": {"temperature": 2.0, "alpha": 0.5},
    "weight_grid": {"bits": 4, "per_row": True},
    **each(("BinaryGrid", "TernaryGrid"), {"per_row": True}),
    "SymmetricGrid": {"bits": 4, "per_row": True},
    "fake_quantize": {"x": LOGITS, "bits": 4},
    **each(("binarize", "ternarize"), {"weight": LOGITS, "per_row": True}),
    "BitLinear": {"layer": bit_layer, "accuracy_level": 4, "threads": 1},
    "encoder_layers": {"model": BERT},
    "keep_layers": {"model": BERT, "layers": [1]},
    "truncate": {"model": BERT, "layers": 1},
    **each(("spread_layers", "uniform_layers"), {"student_layers": 2, "teacher_layers": 4}),
    "layer_states": {"model": BERT, "inputs": BATCH, "with_head": True},
    "layerwise_loss": {
        "student": STATES, "teacher": STATES, "mask": BATCH["attention_mask"], "layer_map": [0, 1],
        "embeddings": 0,
    },
    "GeneralDistillation": {"teacher": BERT, "layer_map": [0, 1]},
    "RelationDistillation": {"teacher": BERT, "relation_heads": 2, "layer": -1},
    "StatesAndLogits": {"teacher": BERT, "states": True, "logits": True, "layer_map": [0], "embeddings": 0},
    "MaskedDistillation": {
        "teacher": BERT, "mask_id": 4, "special_ids": [0], "word_weight": 1.0, "cosine_weight": 1.0,
    },
    "MaskedWordStudent": {"model": BERT},
    "mask_words": {
        "words": BATCH["input_ids"], "attention_mask": BATCH["attention_mask"], "mask_id": 4,
        "special": torch.tensor([0]), "vocabulary": 50,
    },
    "paired_layers": {"student_layers": 2, "teacher_layers": 4, "strategy": "last", "layer_map": [0, 1]},
    "patience_loss": {"student_states": LOGITS, "teacher_states": LOGITS},
    "PatientDistillation": {
        "teacher": BERT, "temperature": 2.0, "alpha": 0.5, "beta": 1.0, "strategy": "skip", "layer_map": [0],
    },
    "head_importance": {"model": BERT, "batches": [LABELLED]},
    "least_important_heads": {"importance": torch.rand(2, 3), "share": 0.5},
    "prune_heads": {"model": MODEL, "heads_by_layer": {0: [1]}},
    "quantize": {
        "model": MODEL, "mode": "ema", "decay": 0.9, "weight_bits": 1, "activation_bits": 8, "per_row": True,
        "parts": "encoder", "low_rank": 1,
    },
    "quantize_as": {"model": MODEL, "told": {"mode": "ema", "decay": 0.9}},
    "requantize": {"model": quantized(mode="dynamic", parts="encoder"), "weight_bits": 2, "low_rank": 1},
    "calibrate": {"model": quantized(mode="ema"), "batches": [BATCH]},
    "dequantize": {"model": quantized(mode="dynamic")},
    **each(
        ("as_int8", "batch_dependent", "integer_layers", "quantization_mode"),
        {"model": quantized(mode="dynamic")},
    ),
    "as_classes": {"logits": LOGITS, "labels": GOLD},
    "platt_scaling": {"targets": torch.tensor([0.0, 5.0])},
    **each(
        ("counted_size_mib", "stored_parts"), {"config": BERT.config, "weight_bits": 2, "low_rank": 1}
    ),
    "save_model": {"model": BERT, "folder": FOLDER},
    "save_packed": {"model": BERT, "folder": FOLDER},
    **each(("load_model", "load_packed", "refuse_pickles"), {"folder": packed}),
    "taylor_loss": {**LOSS, "labels": GOLD, "lambda_": 0.5, "temperature": 1.0},
    "corrected_squares_loss": {**LOSS, "labels": GOLD, "alpha": 0.5},
    "LogitLoss": {"loss": "taylor", "lambda_": 0.5},
    "replacement_rate": {"step": 3, "k": 0.1, "b": 0.2},
    "replace_modules": {"predecessor": BERT, "layers": 1},
    "successor": {"theseus": Fresh(lambda folder: compression.replace_modules(BERT, 1))},
    "Replacing": {"objective": training.CrossEntropy(), "k": 0.1, "b": 0.2, "step": 0},
}  # fmt: skip

WINDOWS = tasks.Windows(
    [[2, 5, 3, 6, 3]],
    [[0, 0, 0, 1, 1]],
    0,
    0,
    question=[0],
    places=[[(0, 0), (0, 0), (0, 0), (0, 4), (0, 0)]],
)
TASKS = {
    "Encoded": {"ids": [[2, 3]], "segments": [[0, 0]], "truncated": 0, "pad_id": 0},
    "Windows": {
        "ids": [[2, 3]], "segments": [[0, 0]], "truncated": 0, "pad_id": 0, "question": [0],
        "places": [[(0, 0), (0, 1)]],
    },
    "Examples": {"texts": (("a",),), "labels": (1,)},
    "Task": {
        "name": "own", "columns": ("text",), "labels": ("no", "yes"), "hub": (), "rows": {"train": 5},
        "attacked": 0, "regression": (0.0, 5.0), "spans": False,
    },
    "get_task": {"name": "sst2"},
    "augmented": {
        "examples": EXAMPLES, "candidates": lambda text: [["film"]] * len(tasks.words_of(text)), "copies": 2,
        "share": 0.5, "first_stays_changed": True, "seed": 1,
    },
    "words_of": {"text": "two words"},
    "trivial_baselines": {"train": EXAMPLES, "evaluated": EXAMPLES},
    "encode": {"texts": [("a",)], "tokenizer": TOKENIZER, "max_length": 8},
    "encode_windows": {"texts": [("a", "b")], "tokenizer": TOKENIZER, "max_length": 32, "stride": 4},
    "sorted_batches": {"lengths": [3, 1, 2], "size": 2},
    "shuffled_batches": {"lengths": [3, 1, 2], "size": 2, "generator": GENERATOR},
    "answer_positions": {"windows": WINDOWS, "answers": [(0, 4)]},
    "gold_texts": {"label": ((0, "end"),)},
    "first_span": {"label": ((0, "end"),)},
    "FolderSource": {"folder": packed},
    "open_source": {"data": packed, "builtin": False},
    "load_examples": {
        "source": tasks.open_source(None, builtin=True), "task": SST2, "split": "validation",
        "size": 3, "splits": {("sst2", "validation"): EXAMPLES.at_most(4)},
    },
}  # fmt: skip
ATTACKS = {
    "BertAttack": {
        "model": GUESSES, "tokenizer": TOKENIZER, "candidates": 4,
        "threshold": 0.0, "subwords": True, "counter_fitted": True, "max_share": 0.4, "min_similarity": 0.5,
    },
    "TextBugger": {"neighbours": 5, "min_similarity": 0.8, "by_sentence": True, "seed": 0},
    "MaskedWords": {"mask_id": 4, "special_ids": [0]},
    "Victim": {
        "model": BERT, "tokenizer": TOKENIZER, "max_length": 8, "one_at_a_time": True, "batch_size": 4,
        "padded": True,
    },
    "attack": {
        "model": BERT, "tokenizer": TOKENIZER, "examples": EXAMPLES, "resources": BUILTIN,
        "task": SST2, "max_length": 8, "seed": 0, "one_at_a_time": True, "padded": True,
        "judge_failures": True,
    },
    "get_recipe": {"name": "textbugger"},
    "load_masked_lm": {"name": guessing},
    "load_resources": {"level": "builtin", "folder": packed},
    "masked_lm_over": {"encoder": "builtin-bert", "tuned_layers": 1},
    "masked_word_guesses": {
        "model": GUESSES, "tokenizer": TOKENIZER, "text": "two words", "open_places": [True, True],
        "guesses": 2, "max_length": 8,
    },
    "resources_digest": {"level": "builtin", "folder": packed},
    "save_masked_lm": {"model": GUESSES, "folder": FOLDER},
    "textfooler": {
        "victim": attacks.Victim(BERT, TOKENIZER, 8), "resources": BUILTIN,
        "columns": ("sentence",), "attacked": 0,
    },
}  # fmt: skip
TRAINING = {
    "TrainingSettings": {
        "epochs": 1,
        "batch_size": 2,
        "learning_rate": 1e-3,
        "warmup": 0.1,
        "weight_decay": 0.01,
        "max_gradient_norm": 1.0,
        "bf16": False,
        "seed": 0,
        "steps": 2,
    },
    "Evaluate": {"score": lambda model: 0.5, "every": 1, "restore_best": True},
    "train": {
        "model": MODEL,
        "examples": TEXTS,
        "labels": [0, 1],
        "objective": compression.Distillation(),
        "settings": training.TrainingSettings(1, 2, 1e-3),
        "extras": {"teacher_logits": LOGITS},
        "evaluate": training.Evaluate(lambda model: 0.5, every=1),
    },
}
INFERENCE = {
    "predict_logits": {"model": BERT, "examples": TEXTS, "batch_size": 2},
    "cls_vectors": {"model": BERT, "examples": TEXTS, "batch_size": 2},
    "answer_questions": {"model": READER, "windows": WINDOWS, "contexts": ["film"], "batch_size": 2},
    "softmax": {"logits": LOGITS.numpy()},
}  # fmt: skip
ROOMS = {
    metrics: METRICS, compression: COMPRESSION, tasks: TASKS, attacks: ATTACKS, training: TRAINING,
    inference: INFERENCE,
}  # fmt: skip
# What is no function of its own: protocols, results, and what only others make.
NOT_ASKED = {
    metrics: {"Estimate", "MinF", "Reliability", "SeedNoise", "StandardError"},
    compression: {"Grid", "LayerStates", "Objective"},
    tasks: {"Source"},
    attacks: {"AttackResult", "BuiltinResources", "FolderResources", "GenuineResources", "Resources"},
}
ALL = [(room, name) for room, table in ROOMS.items() for name in table]


@pytest.mark.parametrize("room", NOT_ASKED, ids=lambda room: room.__name__)
def test_every_public_function_stands_in_the_table(room):
    functions = {name for name in room.__all__ if callable(getattr(room, name))}
    assert functions == ROOMS[room].keys() | NOT_ASKED[room]


@pytest.fixture
def ask(tmp_path_factory, monkeypatch):
    """Calls a public function with the arguments of the table, some of them exchanged."""
    monkeypatch.chdir(tmp_path_factory.mktemp("here"))  # where folders with senseless names may be made

    def call(room, name: str, /, **others):
        given = {**ROOMS[room][name], **others}
        folder = tmp_path_factory.mktemp("arguments")
        given = {n: v.make(folder) if isinstance(v, Fresh) else v for n, v in given.items()}
        return getattr(room, name)(**given)

    return call


def numbers(value) -> Iterator[float]:
    """All numbers in what a function has returned."""
    if isinstance(value, float | np.floating):
        yield float(value)
    elif isinstance(value, np.ndarray | torch.Tensor):
        array = np.asarray(value.detach() if isinstance(value, torch.Tensor) else value)
        yield from array.ravel().tolist() if array.dtype.kind == "f" else ()
    elif isinstance(value, Mapping):
        yield from numbers(list(value.values()))
    elif isinstance(value, list | tuple | set):
        for each in value:
            yield from numbers(each)
    elif is_dataclass(value) and not isinstance(value, type):
        yield from numbers([getattr(value, field.name) for field in fields(value)])


@pytest.mark.parametrize(("room", "name"), ALL, ids=lambda part: getattr(part, "__name__", part))
def test_nonsense_is_refused_in_one_line(ask, room, name):
    ask(room, name)
    wrong = []
    for argument in ROOMS[room][name]:
        for what, value in NONSENSE.items():
            try:
                found = ask(room, name, **{argument: value})
            except BadInput as error:
                told = str(error)
                if not (10 < len(told) <= LINE) or len(told.splitlines()) != 1:
                    wrong.append(f"{argument}={what}: {told!r}")
            except Exception as error:
                wrong.append(f"{argument}={what}: {type(error).__name__}: {str(error)[:90]}")
            else:
                if any(map(math.isnan, numbers(found))):
                    wrong.append(f"{argument}={what} gives NaN")
    assert wrong == []
