"""Records of MNLI that nobody measured: every method of Tables 1 and 2, with levels that are known.

Each text is as hard for one method as for another, each method has its own level and each seed a slip of its
own, so that pairs of methods have what real ones have: common texts, common seeds, and chance of both kinds.
"""

import numpy as np

TEXTS, MISMATCHED, ATTACKED = 600, 200, 200
MAIN = "validation_matched"
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


def mnli_records(make_record, seeds=3, combined_seeds=1, profile="small"):
    """All records of Tables 1 and 2, made by `make_record`; methods of Table 2 alone have fewer seeds."""
    records = []
    for seed in range(seeds):
        teacher = {}
        methods = LEVELS if seed < combined_seeds else IN_TABLE_1
        for method in methods:
            draw = np.random.default_rng([seed, list(LEVELS).index(method)])
            found, answers = _of_one(make_record, method, seed, teacher, draw, profile)
            records += found
            teacher = teacher or answers
    return records


def _of_one(make_record, method, seed, teacher, draw, profile):
    """The records of one model, and its answers by split."""
    labels, probabilities, robust = LEVELS[method]

    def make(kind, split, metrics, per_example=None, rows=TEXTS):
        data = {"source": "folder", "digest": f"{split} {rows}", "rows": rows}
        asked = {"profile": profile, "task": "mnli", "params": {"seed": seed, "split": split}, "data": data}
        return make_record(kind, method, seed, metrics, per_example, **asked)

    records, answers = [], {}
    for split, texts in ((MAIN, TEXTS), ("validation_mismatched", MISMATCHED)):
        gold = np.arange(texts) % 3
        if not teacher:
            answers[split] = np.where(_succeed(texts, 0.82, draw), gold, (gold + 1) % 3)
        else:  # where a student is not loyal it mends every other error and makes others
            loyal = _succeed(texts, labels, draw)
            mended = (teacher[split] != gold) & (draw.uniform(size=texts) < 0.5)
            other = np.where(mended, gold, (gold + 2) % 3)
            other = np.where(other == teacher[split], (other + 1) % 3, other)
            answers[split] = np.where(loyal, teacher[split], other)
        metrics = _bounds("accuracy", answers[split] == gold)
        per_example = {"predictions": digits(answers[split]), "gold": digits(gold)}
        records.append(make("predict", split, metrics, per_example, texts))
    withstood = _succeed(ATTACKED, robust, draw)
    by_class = [float(withstood[np.arange(ATTACKED) % 3 == number].mean()) for number in range(3)]
    metrics = {f"after_attack_accuracy_class_{number}": share for number, share in enumerate(by_class)}
    metrics |= _bounds("after_attack_accuracy", withstood) | {"queries_mean": 60 + 100 * robust}
    outcomes = {"outcomes": digits(np.where(withstood, 1, 2)), "queries": [60] * ATTACKED}
    records.append(make("attack", MAIN, metrics, outcomes, ATTACKED))
    records.append(
        make("cost", MAIN, {"speedup_batch_1": 1.5, "speedup_batch_32": 1.4, "stored_bytes": 5 * 2**20})
    )
    if teacher:
        each = probabilities + draw.normal(0, 0.004) + draw.normal(0, 0.08, TEXTS)
        each = np.clip(each, 0, 1).round(3)
        metrics = _bounds("label_loyalty", answers[MAIN] == teacher[MAIN])
        metrics |= _bounds("probability_loyalty", each)
        metrics["probability_loyalty_base2"] = float(each.mean()) - 0.05
        records.append(make("loyalty", MAIN, metrics, {"probability_loyalty": each.tolist()}))
    return records, answers


def _succeed(texts, level, draw):
    """Which texts succeed: the easy ones rather, for all methods; about `level` of them, with a point more or
    less for each seed."""
    ease = np.random.default_rng(texts).uniform(size=texts) + draw.normal(0, 0.3, texts)
    return ease < np.quantile(ease, np.clip(level + draw.normal(0, 0.01), 0, 1))


def _bounds(name, values):
    reach = 1.96 * np.std(values) / len(values) ** 0.5
    mean = float(np.mean(values))
    return {name: mean, f"{name}_low": mean - float(reach), f"{name}_high": mean + float(reach)}


def digits(values):
    return "".join(map(str, np.asarray(values, dtype=int)))
