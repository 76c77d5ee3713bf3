"""The whole comparison: the numbers of the book's tables, no difference of a model from itself, the edges."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from small import MNLI, make_model, make_tokenizer, nameless, permuted, saved, sentences

from bert_compression.compare import Measure, compare, measures
from bert_compression.compare.measures import (
    Grouping,
    by_confidence,
    by_length,
    by_value,
    calibration,
    direction,
    grades,
    slices,
    volume,
    worst_slice,
)
from bert_compression.compression import prune_heads, quantize, truncate
from bert_compression.errors import BadInput, Failure
from bert_compression.experiments.kinds.compare import loyalty
from bert_compression.inference import predict_logits
from bert_compression.metrics import at_temperature, kl_divergences, pearson_correlation
from bert_compression.tasks import encode

TEXTS = sentences(150)
FRAME = pd.DataFrame({"text": TEXTS, "label": np.arange(150) % 2})
TOKENIZER = make_tokenizer()


def comparison(teacher, student, frame=FRAME, **options):
    return compare((teacher, TOKENIZER), (student, TOKENIZER), frame, **options)


# A small loyalty-style table: the teacher, and how each row is made.
ROWS = {
    "truncated": lambda model: truncate(model, 1),
    "pruned": lambda model: prune_heads(model, {0: [1]}),
    "quantized, 2 bits": lambda model: quantize(model, "dynamic", weight_bits=2),
    "int8": lambda model: quantize(model, "int8"),
}


@pytest.mark.parametrize("row", ROWS)
def test_the_numbers_are_those_of_the_loyalty_table_with_their_intervals(row):
    teacher, student = make_model(), ROWS[row](make_model())
    found = comparison(teacher, student)
    side = found.batch_dependent["student"]
    texts = [(text,) for text in TEXTS]
    logits = {
        "teacher": predict_logits(teacher, encode(texts, TOKENIZER, 40)),
        "student": predict_logits(student, encode(texts, TOKENIZER, 40), 1 if side else 32),
    }
    work = SimpleNamespace(examples=SimpleNamespace(labels=FRAME.label.tolist()), logits=logits.get)
    expected = loyalty(work).metrics
    label, probability = found.measures["label_loyalty"], found.measures["probability_loyalty"]
    assert label.value == expected["label_loyalty"] < 1
    assert label.bootstrap == (expected["label_loyalty_low"], expected["label_loyalty_high"])
    for ours, theirs in (
        (probability.value, "probability_loyalty"),
        (probability.bootstrap[0], "probability_loyalty_low"),
        (probability.bootstrap[1], "probability_loyalty_high"),
        (found.measures["probability_loyalty_base2"].value, "probability_loyalty_base2"),
        (found.measures["accuracy_difference"].value, "accuracy_difference"),
        (found.measures["mcnemar_p"].value, "accuracy_difference_p"),
    ):
        assert ours == pytest.approx(expected[theirs], rel=1e-9)
    # Which leaves room for texts that were not seen.
    assert probability.low < probability.bootstrap[0] < probability.value < probability.high
    assert side == ("quantized" in row or row == "int8")


def test_a_model_beside_itself_differs_in_nothing():
    found = comparison(make_model(), make_model())
    measures = found.measures
    assert measures["label_loyalty"].value == measures["probability_loyalty"].value == 1.0
    assert measures["label_loyalty"].low < 1.0  # 150 texts do not prove it
    for name, measure in measures.items():
        if name.startswith("kl_") or name in ("right_to_wrong", "wrong_to_right", "accuracy_difference"):
            assert measure.value == 0, name
    assert measures["mcnemar_p"].value == measures["temperature"].value == 1.0
    assert measures["error_jaccard"].value == 1.0
    assert np.isnan(measures["temperature_explains"].value)  # there is no shift to explain
    assert found.most_apart == [] and worst_slice(found.slices) is None
    json.dumps(found.to_json(), allow_nan=False)
    assert found.to_json()["measures"]["temperature_explains"]["value"] is None


def test_another_model_differs():
    found = comparison(make_model(), make_model(seed=1))
    assert (
        found.measures["label_loyalty"].value < 0.9 and found.measures["kl_teacher_student_mean"].value > 0.1
    )
    assert len(found.most_apart) == 20
    distances = np.abs(found.teacher.values - found.student.values)[:, 0]
    assert distances[found.most_apart[0]] > np.median(distances)


def test_volume_and_direction_add_up():
    found = comparison(make_model(), make_model(seed=1)).measures
    changed = sum(found[name].value for name in ("right_to_wrong", "wrong_to_right", "wrong_to_other_wrong"))
    assert changed == pytest.approx(1 - found["label_loyalty"].value)
    net = found["wrong_to_right"].value - found["right_to_wrong"].value
    assert found["accuracy_difference"].value == pytest.approx(net) != 0


def test_a_permuted_head_is_the_same_model_by_name_and_is_asked_about_without_names(tmp_path):
    teacher = make_model(labels=MNLI)
    student = permuted(teacher, (2, 0, 1))
    folders = [saved(tmp_path / name, model) for name, model in (("t", teacher), ("s", student))]
    pairs = pd.DataFrame({"premise": TEXTS, "hypothesis": TEXTS[::-1]})
    found = compare(*folders, pairs)
    assert found.measures["label_loyalty"].value == 1.0
    assert found.measures["kl_teacher_student_max"].value < 1e-9
    page = (found.write(tmp_path / "out") / "compare.html").read_text(encoding="utf-8")
    assert "the student numbers them otherwise: contradiction, entailment, neutral" in page
    silent = saved(tmp_path / "silent", nameless(student))
    with pytest.raises(BadInput, match=r"student=contradiction,entailment,neutral the two agree on 100%"):
        compare(folders[0], silent, pairs)
    stated = {"student": ["contradiction", "entailment", "neutral"]}
    assert compare(folders[0], silent, pairs, labels=stated).measures["label_loyalty"].value == 1.0
    with pytest.raises(
        BadInput, match="labels are stated of teacher, student, other_seed, data, not of 'pupil'"
    ):
        compare(folders[0], silent, pairs, labels={"pupil": MNLI})


def test_a_student_of_another_family_and_vocabulary_takes_part(tmp_path):
    teacher = saved(tmp_path / "bert", make_model())
    student = saved(
        tmp_path / "distilbert", make_model("distilbert"), make_tokenizer("distilbert", ["good", "bad"])
    )
    found = compare(teacher, student, FRAME)
    assert (found.teacher.facts["family"], found.student.facts["family"]) == ("bert", "distilbert")
    assert 0 < found.measures["label_loyalty"].value < 1
    assert found.measures["times_smaller"].value > 1


def test_the_noise_floor_knows_batches_precision_and_seeds():
    batched = comparison(make_model(), quantize(make_model(), "dynamic", weight_bits=2)).floor
    teacher, student = (batched[f"{side}: alone, and in batches of 32"] for side in ("teacher", "student"))
    assert teacher["largest_change"].value < 1e-5 < 1e-3 < student["largest_change"].value
    half = batched["teacher: fp32, and bf16"]["probability_loyalty"].value
    assert 0.9 < half < 1 - 1e-6
    seeded = comparison(make_model(), make_model(seed=1), other_seed=(make_model(seed=2), TOKENIZER))
    assert seeded.floor["teacher: another seed"]["label_loyalty"].value < 0.9
    other = permuted(make_model(), (1, 0))
    same = comparison(make_model(), make_model(seed=1), other_seed=(other, TOKENIZER))
    assert same.floor["teacher: another seed"]["label_loyalty"].value == 1.0


def test_what_is_stated_of_the_student_is_not_said_of_another_seed_of_the_teacher():
    teacher, again = make_model(), nameless(make_model())
    student = nameless(permuted(make_model(), (1, 0)))
    found = comparison(
        teacher, student, other_seed=(again, TOKENIZER), labels={"student": ["positive", "negative"]}
    )
    assert found.measures["label_loyalty"].value == 1.0
    assert found.floor["teacher: another seed"]["label_loyalty"].value == 1.0


def test_a_batch_dependence_that_nothing_tells_of_is_measured():
    hidden = make_model()

    class Rounded(type(hidden)):
        def forward(self, input_ids=None, attention_mask=None, token_type_ids=None):
            answer = super().forward(input_ids, attention_mask, token_type_ids)
            scale = answer.logits.abs().max() / 3
            answer.logits = (answer.logits / scale).round() * scale
            return answer

    hidden.__class__ = Rounded
    assert comparison(make_model(), hidden).batch_dependent == {"teacher": False, "student": True}


def test_grades_are_compared_as_grades():
    frame = FRAME.assign(label=np.linspace(0, 5, 150))
    teacher, student = make_model(labels=("grade",)), make_model(labels=("grade",), seed=1)
    found = comparison(teacher, student, frame)
    assert "label_loyalty" not in found.measures and "probability_loyalty" not in found.measures
    t, s = found.teacher.values[:, 0], found.student.values[:, 0]
    assert found.measures["pearson"].value == pytest.approx(np.corrcoef(t, s)[0, 1])
    assert found.measures["grade_change"].value == pytest.approx((s - t).mean())
    gold = found.measures["teacher_gold_pearson"]
    assert (
        gold.value == pytest.approx(np.corrcoef(t, frame.label)[0, 1]) and gold.low < gold.value < gold.high
    )
    with pytest.raises(BadInput, match="classes: they do not compare"):
        comparison(teacher, make_model())
    with pytest.raises(BadInput, match="and these are grades"):
        comparison(teacher, student, frame, attack="textfooler")


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_few_texts_are_compared_with_wide_intervals(count, tmp_path):
    found = comparison(make_model(), make_model(seed=1), FRAME.iloc[:count], slice_by="label")
    measure = found.measures["label_loyalty"]
    assert measure.n == count and measure.high - measure.low > 0.4
    assert any(notice.startswith("few texts (") for notice in found.notices)
    found.write(tmp_path)
    json.loads((tmp_path / "compare.json").read_text(), parse_constant=pytest.fail)


@pytest.mark.parametrize(("mode", "simulated"), [("dynamic", True), ("int8", False)])
def test_simulated_quantization_is_told_where_milliseconds_could_mislead(mode, simulated):
    notices = comparison(make_model(), quantize(make_model(), mode)).notices
    told = [notice for notice in notices if "the student's quantization is simulated" in notice]
    assert len(told) == simulated


def test_one_label_only_is_compared_and_told():
    frame = pd.DataFrame({"text": ["good film"] * 30, "label": [1] * 30})
    found = comparison(make_model(), make_model(seed=1), frame)
    assert any("gives every text the same label" in notice for notice in found.notices)
    assert any("of 30 texts 29 repeat one that stands before" in notice for notice in found.notices)
    json.dumps(found.to_json(), allow_nan=False)


def test_texts_that_a_model_cuts_are_a_slice_and_counted():
    frame = pd.DataFrame({"text": [*TEXTS[:100], *(f"{text} " * 40 for text in TEXTS[100:])]})
    found = compare((make_model(), TOKENIZER), (make_model("roberta"), make_tokenizer("roberta")), frame)
    cut = found.student.cut.sum()
    assert 40 < cut == found.to_json()["student"]["texts_cut"]
    (part,) = [part for part in found.slices if part.name == "cut by both"]
    assert part.measure.n == cut


def names(teacher, student, **options):
    found = compare(teacher, student, FRAME.iloc[:20], **options)
    return found.teacher.name, found.student.name


def test_two_models_of_one_name_are_told_apart(tmp_path):
    folders = [tmp_path / word / "x" / "model" for word in ("a", "b")]
    for seed, folder in enumerate(folders):
        saved(folder, make_model(seed=seed))
    assert names(*folders) == ("a/x/model", "b/x/model")
    assert names(str(folders[0]), str(folders[0])) == ("model (teacher)", "model (student)")
    compare(folders[0], folders[1], FRAME.iloc[:20], answers_file=tmp_path / "kept.npz")
    assert names(tmp_path / "kept.npz", folders[1]) == ("model (teacher)", "model (student)")
    in_memory = (make_model(), TOKENIZER)
    assert names(in_memory, in_memory) == tuple(
        f"BertForSequenceClassification ({side})" for side in ("teacher", "student")
    )
    assert names(in_memory, folders[1]) == ("BertForSequenceClassification", "model")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"teacher": None}, "None is no model: give a name, a path, or a pair of model and tokenizer"),
        ({"student": (1, 2, 3)}, r"\(1, 2, 3\) is no model"),
        ({"data": ["a good film"]}, "data are a file, a task or a table of pandas, not "),
        ({"text": 1}, "text must be a text or a sequence of texts or None, not 1"),
        ({"labels": {"teacher": "a,b"}}, "labels must be a mapping"),
        ({"max_length": "12"}, "max_length must be a whole number or None, not '12'"),
        ({"examples": 1.5}, "examples must be a whole number, not 1.5"),
    ],
)
def test_an_argument_of_another_kind_is_refused_in_words(changes, message):
    side = (make_model(), TOKENIZER)
    with pytest.raises(BadInput, match=f"^{message}"):
        compare(**{"teacher": side, "student": side, "data": FRAME, **changes})


def test_requirements_are_several():
    found = comparison(make_model(), make_model(seed=1), FRAME.iloc[:20])
    with pytest.raises(BadInput, match="requirements must be a sequence of texts"):
        found.check("label_loyalty>=0.98")


# Slices


def test_the_worst_slice_is_one_beyond_chance_after_correction():
    agree = np.ones(400, dtype=bool)
    agree[:30] = False
    kinds = by_value(["new"] * 60 + ["old"] * 340)
    found = slices({"kind": kinds, "parity": by_value(["even", "odd"] * 200)}, agree)
    worst = worst_slice(found)
    assert (worst.name, worst.measure.n, worst.measure.value) == ("new", 60, 0.5)
    assert worst.corrected == pytest.approx(4 * worst.p_value)
    assert {part.name for part in found if part.corrected >= 0.05} == {"even", "odd"}


def test_of_many_slices_without_a_difference_none_is_called_worst():
    random = np.random.default_rng(0)
    alarms = 0
    for _ in range(40):
        groups = {"random": by_value([str(i) for i in random.integers(0, 20, 400)])}
        alarms += worst_slice(slices(groups, random.uniform(size=400) < 0.9)) is not None
    assert alarms <= 5


def test_of_grades_the_worst_slice_is_that_of_the_largest_distances():
    distances = np.concatenate([np.full(50, 2.0), np.full(200, 0.5)]) + np.linspace(0, 0.1, 250)
    worst = worst_slice(slices({"kind": by_value(["far"] * 50 + ["near"] * 200)}, distances))
    assert worst.name == "far" and isinstance(worst.measure, Measure)


def test_bands_hold_every_text_and_stand_in_order():
    lengths = by_length([1, 2, 3, 4, 5, 6, 7, 8])
    assert lengths.names == ["0 to 2", "3 to 4", "5 to 6", "7 or more"]
    assert lengths.of_text[:3] == ["0 to 2", "0 to 2", "3 to 4"] and lengths.of_text[-1] == "7 or more"
    assert by_length([5, 5, 5]).names == ["0 or more"]
    assert by_length([5, 6, 8]).names == ["0 to 5", "6", "7", "8 or more"]
    assert by_confidence([0.5, 0.6, 0.99, 1.0]).of_text == [
        "below 60 %",
        "60 to 80 %",
        "99 % or more",
        "99 % or more",
    ]
    many = by_value([str(i) for i in range(50)] * 2 + ["0"])
    assert len(many.names) == 20 and many.names[0] == "0" and many.names[-1] == "all others"


def test_a_column_called_like_a_group_of_ours_stands_beside_it():
    found = comparison(make_model(), make_model(seed=1), FRAME, slice_by="label")
    assert {"label", "column label"} <= {each.group for each in found.slices}


def test_weights_that_are_no_numbers_are_said_to_be_whose():
    broken = make_model()
    with torch.no_grad():
        broken.classifier.weight[0, 0] = float("nan")
    with pytest.raises(Failure, match=r"^\w.*: the model has logits that are not finite"):
        comparison(make_model(), broken)


def test_what_is_odd_of_another_seed_is_told_too():
    swapped = make_model()
    swapped.config.id2label = {0: "positive", 1: "negative"}
    swapped.config.label2id = {"positive": 0, "negative": 1}
    found = comparison(make_model(), make_model(seed=1), other_seed=(swapped, TOKENIZER))
    assert any(
        notice.startswith("the other seed: with --labels other_seed=negative,positive the two agree")
        for notice in found.notices
    )


def test_a_constant_regression_correlates_with_nothing():
    constant, other = np.zeros(40), np.arange(40.0)
    for pair in ((constant, other), (other, constant), (constant, constant)):
        found = measures.grades(*pair, None)
        assert np.isnan([found["pearson"].value, found["spearman"].value]).all()
        assert found["pearson"].low is None


def test_without_an_error_no_error_is_shared_by_chance_either():
    right = np.tile([0.9, 0.1], (30, 1))
    found = measures.direction(right, right, np.zeros(30, dtype=int))
    assert np.isnan(
        [found[f"error_{each}"].value for each in ("jaccard", "jaccard_chance", "association")]
    ).all()


def test_a_value_of_a_column_is_named_once_and_visibly():
    values = [*"abcdefghijklmnopqrstuvwxyz", "all others", "all others", "", " "] + ["a"] * 3
    found = measures.by_value(values)
    assert len(found.names) == len(set(found.names)) and "(empty)" in found.names
    assert set(found.of_text) <= set(found.names)


def probabilities(seed, texts=300, classes=3):
    return np.random.default_rng(seed).dirichlet(np.ones(classes), texts)


def test_a_teacher_s_label_that_loses_probability_has_a_negative_change():
    teacher, student = np.array([[0.9, 0.1]] * 10), np.array([[0.6, 0.4]] * 10)
    assert volume(teacher, student)["teacher_label_probability_change"].value == pytest.approx(-0.3)


def test_the_brier_score_lies_within_its_intervals():
    found = calibration(probabilities(0), probabilities(1), np.arange(300) % 3)
    for side in ("teacher", "student"):
        brier = found[f"{side}_brier"]
        assert brier.low < brier.value < brier.high and brier.bootstrap[0] < brier.value < brier.bootstrap[1]


def test_a_temperature_explains_what_it_takes_from_the_teachers_divergence():
    teacher, student = probabilities(0), probabilities(1) ** 2
    student = student / student.sum(axis=1, keepdims=True)
    found = calibration(teacher, student, None)
    after = kl_divergences(teacher, at_temperature(student, found["temperature"].value)).mean()
    assert found["temperature_explains"].value == pytest.approx(
        1 - after / kl_divergences(teacher, student).mean()
    )


def test_of_distances_the_largest_is_the_worst_of_several_bad_slices():
    names = ["good"] * 300 + ["bad"] * 60 + ["worse"] * 60
    apart = np.repeat([0.0, 1.0, 3.0], [300, 60, 60]) + np.linspace(0, 0.01, 420)
    found = worst_slice(slices({"column": Grouping(names, ["good", "bad", "worse"])}, apart))
    assert found.name == "worse"


def test_shared_errors_by_chance_are_those_of_the_error_rates():
    gold = np.zeros(100, dtype=int)
    teacher = np.where((np.arange(100) < 10)[:, None], [0.1, 0.9], [0.9, 0.1])  # a tenth wrong
    student = np.where((np.arange(100) >= 80)[:, None], [0.1, 0.9], [0.9, 0.1])  # a fifth
    found = direction(teacher, student, gold)["error_jaccard_chance"].value
    assert found == pytest.approx(0.02 / (0.1 + 0.2 - 0.02))


def test_each_model_is_correlated_with_the_datas_grades():
    draw = np.random.default_rng(0)
    teacher, student, gold = draw.normal(size=(3, 50))
    found = grades(teacher, student, gold)
    assert found["student_gold_pearson"].value == pearson_correlation(gold, student)
    assert found["teacher_gold_pearson"].value == pearson_correlation(gold, teacher)
