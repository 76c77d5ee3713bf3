"""Records made by hand: the shapes of real ones, with numbers that can be worked out on paper."""

import hashlib

import pytest
from synthetic import mnli_records

METHODS = ("teacher", "kd", "head_prune", "q8_qat", "q8_ptq_int8", "q8_ptq_static", "q8_ptq_dynamic")


def make_record(kind, method, seed=0, metrics=None, per_example=None, profile="small", **others):
    """A record of `kind`; its key is made from what it is, so that equal arguments give equal keys."""
    words = repr((kind, method, seed, metrics, per_example, profile, sorted(others.items())))
    record = {
        "key": hashlib.sha256(words.encode()).hexdigest(),
        "kind": kind,
        "profile": profile,
        "task": "sst2",
        "method": method,
        "seed": seed,
        "params": {"seed": seed, "split": "validation"},
        "inputs": {},
        "data": {"source": "folder", "digest": "texts", "rows": 8},
        "metrics": metrics or {},
        "per_example": per_example or {},
        "seconds": 1.5,
        "created": "2026-01-01T00:00:00",
        "status": "ok",
        "error": None,
        "earlier_code": False,
    }
    return record | others


def with_bounds(name, value, reach):
    return {name: value, f"{name}_low": value - reach, f"{name}_high": value + reach}


def records_of(method, seed, profile):
    """All measurements of one model on eight texts; the later in METHODS, the more it withstands."""
    place = METHODS.index(method)
    right, withstood, loyalty = 7 - place % 3, 1 + place, 0.9 + place / 100
    answers = {"predictions": "1" * right + "0" * (8 - right), "gold": "1" * 8}
    attack = with_bounds("after_attack_accuracy", withstood / 8, 1 / 8) | {
        "after_attack_accuracy_class_0": 0.25,
        "after_attack_accuracy_class_1": 0.5,
        "queries_mean": 80.0 + place,
    }
    outcomes = {"outcomes": "1" * withstood + "2" * (8 - withstood), "queries": [80] * 8}
    cost = {"speedup_batch_1": 1 + place / 4, "speedup_batch_32": 1.0, "stored_bytes": 3 * 2**20}
    records = [
        make_record("predict", method, seed, with_bounds("accuracy", right / 8, 0.1), answers, profile),
        make_record("attack", method, seed, attack, outcomes, profile),
        make_record("cost", method, seed, cost, None, profile),
    ]
    if method != "teacher":
        metrics = with_bounds("label_loyalty", loyalty, 0.02)
        metrics |= with_bounds("probability_loyalty", loyalty - 0.1, 0.02)
        metrics["probability_loyalty_base2"] = loyalty - 0.15
        each = {"probability_loyalty": [loyalty - 0.1] * 8}
        records.append(make_record("loyalty", method, seed, metrics, each, profile))
    return records


@pytest.fixture
def record():
    return make_record


@pytest.fixture(scope="session")
def mnli():
    """All records of Tables 1 and 2: three seeds, or one for what is in Table 2 alone."""
    return mnli_records(make_record)


@pytest.fixture
def whole_table():
    """`whole_table(profile)`: every record of Table 3 for two seeds, each method different."""

    def build(profile="small"):
        return [r for method in METHODS for seed in (0, 1) for r in records_of(method, seed, profile)]

    return build
