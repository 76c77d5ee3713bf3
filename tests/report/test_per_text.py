"""Values text by text have the mean that the record holds, those of several columns the mean over these."""

from dataclasses import replace

import numpy as np
import pytest
from made_records import attack_record, loyalty_records, prediction_record, source_of

from bert_compression.errors import BadInput, Failure
from bert_compression.experiments import per_example
from bert_compression.metrics import SCORES, SeedNoise, seed_noise
from bert_compression.papers import committed
from bert_compression.papers.loyalty.tables import SEARCH_SST2, TABLE_3
from bert_compression.papers.taylor.tables import TABLE_2
from bert_compression.report.per_text import Outcomes, outcomes, per_text
from bert_compression.report.tables import MeanOf

READ = {
    "predict": tuple(SCORES),
    "loyalty": ("label_loyalty", "probability_loyalty"),
    "attack": ("after_attack_accuracy", "queries_mean"),
}
HALF_DIGIT = 5e-4  # records keep probability loyalties, and predictions of a regression target, with 3 digits
TASKS = ("mrpc", "rte", "stsb")


def rounding(record, metric):
    """How far the mean may be from the record's metric, since values were rounded when they were kept."""
    if metric == "probability_loyalty":
        return HALF_DIGIT
    if metric in ("pearson", "spearman"):  # more where predictions hardly differ
        return HALF_DIGIT / per_example(record, "predictions").std()
    return 1e-12


def test_in_every_committed_record_the_values_have_the_mean_that_is_recorded():
    source = committed()
    checked = dict.fromkeys(("accuracy", "f1", "pearson", *READ["loyalty"], *READ["attack"]), 0)
    for record in source.records:
        metrics = [name for name in READ.get(record["kind"], ()) if name in record["metrics"]]
        if record["status"] != "ok" or not record["per_example"]:
            continue  # answers to training texts serve distillation
        for metric in metrics:
            found = per_text(source, record, metric)
            if found is None:  # what it is read from has been replaced since
                assert record["stale"]
                continue
            expected = pytest.approx(record["metrics"][metric], abs=rounding(record, metric))
            assert found.values.mean() == expected, (record["key"], metric)
            checked[metric] = checked.get(metric, 0) + 1
    assert all(checked.values()), checked


def test_a_record_is_read_with_what_it_needs():
    records = loyalty_records(TABLE_3, "kd", "1100", "1000", each=[0.5, 0.25, 1.0, 1.0])
    source = source_of(records)
    found = per_text(source, records[0], "label_loyalty")
    assert found.values.tolist() == [1.0, 0.0, 1.0, 1.0] and found.digest == "sst2 validation"
    assert {record["key"] for record in found.records} == {record["key"] for record in records}
    assert per_text(source, records[0], "probability_loyalty").values.tolist() == [0.5, 0.25, 1.0, 1.0]
    assert per_text(source_of(records[:2]), records[0], "label_loyalty") is None
    attack = attack_record(TABLE_3, "kd", "0121")
    assert per_text(source, attack, "after_attack_accuracy").values.tolist() == [0.0, 1.0, 0.0, 1.0]
    with pytest.raises(BadInput, match=r"^stored_bytes is no mean over texts: choose one of accuracy, "):
        per_text(source, attack, "stored_bytes")


def test_scores_are_read_with_the_gold_labels_of_their_texts():
    record = prediction_record(TABLE_2, "ce_4x312", "1100", column="mrpc")
    assert per_text(source_of([record]), record, "f1") is None
    values = per_text(source_of([record], {"mrpc validation": "1010"}), record, "f1").values
    assert values.mean() == pytest.approx(0.5)


def test_a_cell_is_read_once_for_all_that_is_asked_of_a_source():
    source = source_of([attack_record(TABLE_3, "kd", "0121")])
    assert outcomes(source, TABLE_3) is outcomes(source, TABLE_3)
    read = outcomes(source, TABLE_3)
    columns = ["after_attack_accuracy"]
    assert read.of(columns, "kd")[0] is read.of(columns, "kd")[0]


def test_two_sides_have_the_seeds_that_all_have_and_no_other_texts():
    records = [attack_record(TABLE_3, "kd", "1121", seed) for seed in (0, 1)]
    records += [attack_record(TABLE_3, "q8_qat", "1222", seed) for seed in (1, 2)]
    read = Outcomes(source_of(records), TABLE_3)
    pair = read.paired(["after_attack_accuracy"], ["kd"], ["q8_qat"])
    assert pair.seeds == 1 and pair.first.tolist() == [[1], [1], [0], [1]]
    with pytest.raises(Failure, match=r"^records are missing$"):
        read.paired(["after_attack_accuracy"], ["kd"], ["head_prune"])


# Several columns


@pytest.fixture
def tasks():
    """Answers of two methods to the three small sets, and their source; and each score by hand."""
    draw = np.random.default_rng(0)
    gold = {"mrpc": draw.integers(0, 2, 40), "rte": draw.integers(0, 2, 20), "stsb": draw.uniform(0, 5, 30)}
    records = []
    for method in ("ce_4x312", "kl_4x312"):
        for seed in (0, 1):
            for task, labels in gold.items():
                wrong = draw.random(len(labels)) < 0.2
                answers = labels + draw.normal(0, 1, len(labels)) if task == "stsb" else labels ^ wrong
                records.append(prediction_record(TABLE_2, method, answers.tolist(), seed, column=task))
    return source_of(records, {f"{task} validation": labels for task, labels in gold.items()})


def test_the_noise_between_two_columns_is_pooled_over_the_methods_that_they_tell_apart():
    outcomes_of = {  # searched in batches and alone, by seed: of eight texts
        "q8_ptq_int8": (["11110000", "11000000"], ["10000000", "10000000"]),  # 3 and 1 of 8 more
        "q8_ptq_dynamic": (["11000000", "11000000", "11110000"], ["10000000"] * 3),  # 1, 1 and 3 more
        "q8_ptq_static": (["11000000", "10000000"], ["11000000", "10000000"]),  # the same: no noise
        "teacher": (["11000000"], ["10000000"]),  # once
    }
    records = [
        attack_record(SEARCH_SST2, method, outcomes.replace("0", "2"), seed, column)
        for method, both in outcomes_of.items()
        for column, seeds in zip(("released", "alone"), both, strict=True)
        for seed, outcomes in enumerate(seeds)
    ]
    noise = Outcomes(source_of(records), SEARCH_SST2).noise_between("released", "alone")
    # Squares about their means: 2 of (2/8)², and 8/3 of (1/8)², with one and two degrees of freedom.
    assert noise == pytest.approx(SeedNoise((2 / 64 + 8 / 3 / 64) / 3, 3))
    assert Outcomes(source_of(records[-2:]), SEARCH_SST2).noise_between("released", "alone") is None


def test_every_training_tells_of_the_noise_also_of_a_method_that_lacks_seeds():
    """Two methods that agree by accident do not hide what a third shows with fewer seeds."""
    withstood = {  # of eight texts, by seed
        "teacher": (1, 2, 3),
        "q8_ptq_int8": (2, 3, 4),
        "q8_ptq_dynamic": (1, 5),
        "q8_ptq_static": (4, 1),
    }
    records = [
        attack_record(SEARCH_SST2, method, "1" * kept + "2" * (8 - kept), seed, "released")
        for method, seeds in withstood.items()
        for seed, kept in enumerate(seeds)
    ]
    noise = Outcomes(source_of(records), SEARCH_SST2).noise(["released"])
    means = [[kept / 8 for kept in (*seeds, 0)[:3]] for seeds in withstood.values()]
    measured = [[1, 1, 1], [1, 1, 1], [1, 1, 0], [1, 1, 0]]
    assert noise == pytest.approx(seed_noise(means, measured)) and noise.df == 4 and noise.variance > 0.01


def test_a_table_of_few_methods_knows_the_noise_of_its_kin():
    rows = {"teacher": "1222", "q8_ptq_int8": "1122"}
    few = [attack_record(SEARCH_SST2, m, o, seed, "alone") for m, o in rows.items() for seed in (0, 1)]
    more = [
        attack_record(TABLE_3, method, outcomes, seed, "after_attack_accuracy")
        for method, both in {"kd": ("1222", "1112"), "head_prune": ("1122", "1222")}.items()
        for seed, outcomes in enumerate(both)
    ]
    alone = Outcomes(source_of(few), SEARCH_SST2).noise(["alone"])
    whole = Outcomes(source_of(few + more), SEARCH_SST2).noise(["alone"])
    assert alone == (0.0, 1)
    assert whole == pytest.approx(seed_noise([[0.25, 0.25], [0.5, 0.5], [0.25, 0.75], [0.5, 0.25]]))


def test_the_mean_over_columns_is_that_of_the_scores(tasks):
    read = Outcomes(tasks, TABLE_2)
    together = read.of(TASKS, "ce_4x312")[0]
    scores = [read.of([task], "ce_4x312")[0].values.mean() for task in TASKS]
    assert together.values.mean() == pytest.approx(np.mean(scores), abs=1e-12)
    assert len(together.values) == 40 + 20 + 30


def test_its_scatter_is_that_of_texts_drawn_column_by_column(tasks):
    read = Outcomes(tasks, TABLE_2)
    pair = read.paired(TASKS, ["ce_4x312"], ["kl_4x312"])
    differences = (pair.first - pair.second).mean(axis=1)
    parts = []
    for task in TASKS:
        alone = read.paired([task], ["ce_4x312"], ["kl_4x312"])
        parts.append((alone.first - alone.second).mean(axis=1))
    assert differences.mean() == pytest.approx(np.mean([part.mean() for part in parts]), abs=1e-12)
    by_hand = sum(part.var() / len(part) for part in parts) / 9  # of a mean of three independent means
    assert differences.var() / len(differences) == pytest.approx(by_hand, rel=1e-9)


def test_a_mean_column_of_a_table_is_read_from_its_parts(tasks):
    average = MeanOf("average", "Average", None, of=TASKS)
    table = replace(TABLE_2, columns=(*TABLE_2.columns, average))
    read = Outcomes(tasks, table)
    shown, by_hand = (read.of(columns, "ce_4x312")[1].values for columns in (["average"], TASKS))
    assert shown.tolist() == by_hand.tolist()
    both = [read.of(TASKS, method) for method in ("kl_4x312", "ce_4x312")]
    noise = seed_noise([[of_method[seed].values.mean() for seed in (0, 1)] for of_method in both])
    assert read.noise(["average"]) == pytest.approx(noise)


def test_who_guesses_tells_nothing_of_the_noise():
    columns, gold = ["after_attack_accuracy"], {"sst2 validation": "1110" * 40}
    pair = [attack_record(TABLE_3, "q8_qat", 40 * o, s) for s, o in enumerate(("1122", "1112"))]
    pair += [attack_record(TABLE_3, "head_prune", 40 * o, s) for s, o in enumerate(("1222", "1122"))]
    wild = [attack_record(TABLE_3, "kd", 40 * o, s) for s, o in enumerate(("1111", "2222"))]
    guesses = [prediction_record(TABLE_3, "kd", "1111" * 40, seed) for seed in (0, 1)]
    noise = Outcomes(source_of(pair + wild + guesses, gold), TABLE_3).noise(columns)
    assert noise == Outcomes(source_of(pair, gold), TABLE_3).noise(columns)  # who guesses tells nothing
    assert noise != Outcomes(source_of(pair + wild, gold), TABLE_3).noise(columns)
