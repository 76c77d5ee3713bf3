"""Records that nobody measured, of the jobs that a table's cells ask for: the shapes of real ones, with
numbers that can be worked out on paper."""

from functools import cache

import numpy as np

from bert_compression.experiments import get_profile
from bert_compression.experiments.records import encode
from bert_compression.report.records import Source

SMALL = get_profile("small", seeds=3).at_precision("fp32")


@cache
def jobs_of(table):
    """The jobs of each cell of a table at `small`."""
    return table.cells(SMALL)


def job_of(table, method, column, seed=0):
    """The job of a cell at a seed; of a pair of seeds, the one whose first is that."""
    return next(job for job in jobs_of(table)[method, column] if job.seed == seed)


def record_of(job, per_example=None, metrics=None, **others):
    """A record of a job; its key is its identity. `others` replace what is said here."""
    record = {
        "key": job.identity,
        "identity": job.identity,
        "kind": job.kind,
        "version": 1,
        "profile": "small",
        "task": job.task,
        "method": job.method,
        "seed": job.seed,
        "params": job.params,
        "inputs": {name: needed.identity for name, needed in job.inputs.items()},
        "data": {"source": "folder", "digest": f"{job.task} {job.params.get('split')}", "rows": 8},
        "metrics": metrics or {},
        "per_example": {name: encode(np.array(values)) for name, values in (per_example or {}).items()},
        "seconds": 1.5,
        "created": "2026-01-01T00:00:00",
        "commit": "0123456789abcdef",
        "hardware": {"processor": "a processor", "cores": 2, "gpu": None},
        "status": "ok",
        "error": None,
        "stale": False,
    }
    return record | others


def cell_record(table, method, column, per_example=None, seed=0, **others):
    """A record of a cell of the table."""
    return record_of(job_of(table, method, column, seed), per_example, **others)


def attack_record(table, method, outcomes, seed=0, column="after_attack_accuracy", **others):
    """What an attack left, a digit a text: 0 (wrong before), 1 (withstood) or 2 (fooled)."""
    found = [int(digit) for digit in outcomes]
    queries = [1 if outcome == 0 else 30 for outcome in found]
    return cell_record(table, method, column, {"outcomes": found, "queries": queries}, seed, **others)


def prediction_record(table, method, predictions, seed=0, column="accuracy", **others):
    """What a model answered: a string of digits, or numbers."""
    found = [int(digit) for digit in predictions] if isinstance(predictions, str) else predictions
    return cell_record(table, method, column, {"predictions": found}, seed, **others)


def cost_record(table, method, times_as_fast, seed=0, **others):
    """How many times as fast as its teacher a model is."""
    metrics = {"speedup_batch_1": times_as_fast}
    return cell_record(table, method, "speedup_batch_1", seed=seed, metrics=metrics, **others)


def loyalty_records(table, method, teacher, student, seed=0, each=None, **others):
    """The record of a loyalty, and the predictions of teacher and student that it is read from."""
    job = job_of(table, method, "label_loyalty", seed)
    each = each if each is not None else [1.0] * len(student)
    answers = [
        record_of(job.inputs[side], {"predictions": [int(digit) for digit in predictions]}, **others)
        for side, predictions in (("teacher", teacher), ("student", student))
    ]
    return [record_of(job, {"probability_loyalty": each}, **others), *answers]


def source_of(records, gold=None, name="small"):
    """A source of these records, each once; `gold` holds labels by the digest of the data."""
    known = {digest: np.array([int(g) for g in labels] if isinstance(labels, str) else labels)
             for digest, labels in (gold or {}).items()}  # fmt: skip
    return Source(name, SMALL, list({record["key"]: record for record in records}.values()), known)


# All records of Tables 1 and 2 of the loyalty paper: each text is as hard for one method as for another, each
# method has its own level and each seed a slip of its own, so that pairs of methods have what real ones have:
# common texts, common seeds, and chance of both kinds.

TEXTS, MISMATCHED, ATTACKED = 600, 200, 200
# Label loyalty, probability loyalty, after-attack accuracy: what the records come near to.
LEVELS = {
    "teacher": (1.0, 1.0, 0.20),
    "truncate_finetune": (0.80, 0.76, 0.12),
    "kd": (0.87, 0.88, 0.16),
    "q8_ptq_int8": (0.95, 0.92, 0.24),
    "q8_ptq_static": (0.88, 0.80, 0.60),
    "q8_ptq_dynamic": (0.87, 0.79, 0.62),
    "q8_qat": (0.90, 0.86, 0.17),
    "head_prune": (0.86, 0.80, 0.27),
    "distilbert": (0.87, 0.867, 0.16),
    "tinybert": (0.87, 0.867, 0.16),
    "pkd": (0.86, 0.87, 0.16),
    "theseus": (0.80, 0.78, 0.20),
    "head_prune_finetune": (0.87, 0.82, 0.13),
    "head_prune_kd": (0.92, 0.91, 0.21),
    "head_prune_kd_ptq_int8": (0.91, 0.90, 0.24),
    "head_prune_kd_ptq_static": (0.87, 0.83, 0.58),
    "head_prune_kd_ptq_dynamic": (0.86, 0.82, 0.59),
    "q8_ptq_finetune": (0.88, 0.84, 0.13),
    "q8_ptq_kd": (0.92, 0.92, 0.17),
    "theseus_kd": (0.88, 0.88, 0.19),
    "theseus_kd_ptq_int8": (0.87, 0.86, 0.22),
    "theseus_kd_ptq_static": (0.82, 0.76, 0.54),
    "theseus_kd_ptq_dynamic": (0.81, 0.75, 0.55),
}
IN_TABLE_1 = list(LEVELS)[:12]


def mnli_records(**others):
    """What claims and pairs are read from, of Tables 1 and 2; methods of Table 2 alone have one seed, the
    others three."""
    from bert_compression.papers.loyalty.tables import TABLE_1, TABLE_2

    records = []
    for seed in SMALL.seeds:
        teacher: dict = {}
        for method in LEVELS if seed == 0 else IN_TABLE_1:
            table = TABLE_1 if method in IN_TABLE_1 else TABLE_2
            draw = np.random.default_rng([seed, list(LEVELS).index(method)])
            labels, probabilities, robust = LEVELS[method]
            answers = {}
            for column, texts in (("accuracy", TEXTS), ("accuracy_mismatched", MISMATCHED)):
                answers[column] = _answers(np.arange(texts) % 3, teacher.get(column), labels, draw)
                records.append(prediction_record(table, method, answers[column], seed, column, **others))
            times = 1.0 if method == "teacher" else 1.8 + seed / 50
            records.append(cost_record(table, method, times, seed, **others))
            withstood = _succeed(ATTACKED, robust, draw)
            records.append(attack_record(table, method, np.where(withstood, 1, 2), seed, **others))
            if teacher:
                near = probabilities + draw.normal(0, 0.004) + draw.normal(0, 0.08, TEXTS)
                near = np.clip(near, 0, 1).round(3)
                pair = (teacher["accuracy"], answers["accuracy"])
                records += loyalty_records(table, method, *pair, seed, near, **others)
            teacher = teacher or answers
    return records


def mnli_source(**others):
    gold = {"matched": np.arange(TEXTS) % 3, "mismatched": np.arange(MISMATCHED) % 3}
    return source_of(
        mnli_records(**others), {f"mnli validation_{split}": labels for split, labels in gold.items()}
    )


def _answers(gold, teacher, loyal, draw):
    if teacher is None:
        return np.where(_succeed(len(gold), 0.82, draw), gold, (gold + 1) % 3)
    same = _succeed(len(gold), loyal, draw)
    # Where a student is not loyal it mends every other error and makes others.
    mended = (teacher != gold) & (draw.uniform(size=len(gold)) < 0.5)
    other = np.where(mended, gold, (gold + 2) % 3)
    other = np.where(other == teacher, (other + 1) % 3, other)
    return np.where(same, teacher, other)


def _succeed(texts, level, draw):
    """Which texts succeed: the easy ones rather, for all methods; about `level` of them, with a point more or
    less for each seed."""
    ease = np.random.default_rng(texts).uniform(size=texts) + draw.normal(0, 0.3, texts)
    return ease < np.quantile(ease, np.clip(level + draw.normal(0, 0.01), 0, 1))
