"""Extreme compression's seventeen tables: the paper's lines, its rules, and what each line is made of."""

import math

import numpy as np
import pytest

from bert_compression.errors import BadInput
from bert_compression.experiments import Grid, get_profile, in_order
from bert_compression.metrics import GLUE_AVERAGE, glue_average
from bert_compression.papers import committed, xtc
from bert_compression.papers.xtc.scores import AVERAGES, DECIDED_BY, PRINTED, row_of
from bert_compression.papers.xtc.students import (
    SELECTIONS,
    SIZES,
    Student,
    augmented_texts,
    budget_steps,
    full_precision,
    kept_layers,
    teacher,
)
from bert_compression.report.claims import judge, reported_effect
from bert_compression.report.records import measured
from bert_compression.report.reported import as_printed, reported, reported_value
from bert_compression.report.side_by_side import side_by_side
from bert_compression.report.tables import Best, Derived
from bert_compression.tasks import get_task

NUMBERED = [getattr(xtc, f"TABLE_C{number}") for number in range(1, 18)]
SCORED = pytest.mark.parametrize("table", NUMBERED[1:], ids=lambda table: table.name)


def grid(profile="paper", task="rte", seed=0):
    return Grid(get_profile(profile).at_precision("fp32"), get_task(task), seed)


# The paper's lines


@pytest.mark.parametrize("table", NUMBERED, ids=lambda table: table.name)
def test_every_line_of_the_paper_has_one_row_in_its_order(table):
    lines = reported(table.paper, table.reported)
    found = []
    for row in table.rows:
        line = lines
        for key, value in row.reported.items():
            line = line[line[key] == value]
        if row.reported:
            found.append(line.index.item())
    assert found == list(range(len(lines)))


def every_line():
    """(table, scores as fractions, average, average without CoLA or NaN) of each line with scores."""
    for table in NUMBERED[1:]:
        lines = reported(table.paper, table.reported)
        for _, line in lines.iterrows():
            kind, name = line.get("row_kind", "run"), line.get("teacher", "")
            if kind not in ("mean", "std") and name != "Difference":
                scores = {name: line[name] / 100 for name in GLUE_AVERAGE}
                yield table.name, scores, line["avg"], line.get("avg_wo_cola", math.nan)


def test_the_averages_of_the_paper_follow_the_recovered_rule():
    lines = list(every_line())
    assert len(lines) == 234
    apart = [abs(100 * glue_average(scores) - average) for _, scores, average, _ in lines]
    assert max(apart) < 0.055 and sum(each > 0.0101 for each in apart) == 6
    without = [(s, a) for _, s, _, a in lines if not math.isnan(a)]
    assert max(abs(100 * glue_average(s, without_cola=True) - a) for s, a in without) < 0.06
    # The obvious rule, the mean of a task's two scores first, fits hardly any line.
    assert sum(each < 0.0101 for each in apart) == 228


def test_an_average_over_less_than_all_of_it_is_refused():
    scores = dict.fromkeys(GLUE_AVERAGE, 0.5)
    assert glue_average(scores) == 0.5
    assert glue_average({**scores, "cola_mcc": 0.0}, without_cola=True) == 0.5
    assert glue_average({**scores, "mnli_mm_acc": 0.95}) == pytest.approx(0.55)
    del scores["qnli_acc"]
    with pytest.raises(BadInput, match=r"^the average needs the score qnli_acc: it is over cola_mcc, "):
        glue_average(scores)


def test_the_paper_takes_the_best_learning_rate_task_by_task_as_we_do():
    seen = 0
    for table in (xtc.TABLE_C2, xtc.TABLE_C3, xtc.TABLE_C4, xtc.TABLE_C11, xtc.TABLE_C12):
        for row in (row for row in table.rows if isinstance(row, Best)):
            seen += 1
            for column in table.columns[:12]:
                decides = table.column(row.decides(column.name))
                candidates = [table.row(name) for name in row.of]
                scores = [reported_value(table, each, decides) for each in candidates]
                tied = [c for c, s in zip(candidates, scores, strict=True) if s == max(scores)]
                allowed = [reported_value(table, each, column) for each in tied]
                assert reported_value(table, row, column) in allowed, (table.name, row.method, column.name)
    assert seen == 32


@SCORED
def test_a_column_that_another_decides_is_one_of_the_same_task(table):
    for column, by in DECIDED_BY.items():
        assert table.column(column).task == table.column(by).task


# What a line is made of


def test_layers_are_the_papers_at_twelve_and_the_same_share_elsewhere():
    assert kept_layers("skip6", 12) == [1, 3, 5, 7, 9, 11] and kept_layers("skip5", 12) == [2, 4, 6, 8, 10]
    assert [kept_layers(name, 6) for name in SELECTIONS] == [
        [0, 1, 2, 3, 4, 5],
        [1, 3, 5],
        None,
        [2, 5],
        [3, 4, 5],
        [0, 1, 2],
    ]


def test_lines_that_cannot_exist_have_no_job_and_keep_the_papers_number():
    five = xtc.TABLE_C8.row(full_precision("skip5").name)
    assert five.recipe(grid("small")) is None and five.recipe(grid("paper")) is not None
    assert xtc.TABLE_C8.cells(get_profile("small").at_precision("fp32"))[five.method, "rte_acc"] == []
    assert reported_value(xtc.TABLE_C8, five, xtc.TABLE_C8.column("rte_acc")) == 72.2


def chain(job):
    while job:
        yield job
        job = job.inputs.get("model")


def test_a_line_names_all_that_its_model_is_made_of():
    g = grid()
    job = Student(1, "skip6", "B", 2, 1e-4, rank=8)(g)
    kinds = [each.kind for each in chain(job)]
    assert kinds == [
        "distill_in_stages",
        "quantize",
        "distill_in_stages",
        "reduce_layers",
        "finetune",
        "pretrained",
    ]
    last, rounded, first = list(chain(job))[:3]
    assert last.params["stages"] == 2 and last.params["first_rate"] == 2.5
    assert last.params["learning_rate"] == 1e-4 and last.params["steps"] == 3 * 4_559
    assert last.params["layer_map"] == [1, 3, 5, 7, 9, 11] and last.inputs["teacher"] is teacher(g)
    assert (rounded.params["weight_bits"], rounded.params["low_rank"]) == (1, 8)
    assert rounded.params["parts"] == "encoder" and rounded.params["mode"] == "per_token"
    assert first.params["learning_rate"] == 1e-4 and first.params["stages"] == 1
    assert "texts" in last.inputs and last.inputs["texts"].kind == "augment"
    assert str(job).startswith("32bit_skip6_C_1s_1e-04 | 1-bit + rank 8 | 2S-KD")


def test_a_smaller_teacher_teaches_layer_by_layer():
    g = grid()
    job = Student(1, "skip6", "C", 1, 2e-5, taught_by="skip6")(g)
    assert job.inputs["teacher"].identity == full_precision("skip6")(g).identity
    assert job.params["layer_map"] == [0, 1, 2, 3, 4, 5]


def test_a_second_round_goes_on_with_the_weights_of_the_first():
    again = xtc.tables.again("skip4", 2, 1)(grid())
    kinds = [each.kind for each in chain(again)][:4]
    assert kinds == ["distill_in_stages", "requantize", "distill_in_stages", "quantize"]
    assert again.inputs["model"].params["weight_bits"] == 1 and again.inputs["model"].params["low_rank"] == 1
    assert list(chain(again))[3].params["weight_bits"] == 2


@pytest.mark.parametrize(("task", "longest"), [("rte", 12), ("cola", 12), ("mnli", 6), ("qnli", 6)])
def test_budgets_stand_to_each_other_as_they_should(task, longest):
    steps = [budget_steps(grid(task=task), budget, bits=1) for budget in "ABC"]
    assert steps[1] == 3 * steps[0] and steps[2] == longest * steps[0]
    in_full = 12 if task == "mnli" else longest
    assert budget_steps(grid(task=task), "C", bits=32) == in_full * steps[0]
    small = SIZES["small"].steps
    assert (small["B"], small["C"]) == (3 * small["A"], 12 * small["A"])
    smoke = SIZES["smoke"].steps
    assert (smoke["B"], smoke["C"]) == (3 * smoke["A"], 6 * smoke["A"]) and smoke["A"] >= 3


def test_neither_mnli_nor_qqp_is_augmented_and_the_others_are_at_paper():
    for task in SIZES["paper"].tasks:
        job = Student(1)(grid(task=task))
        assert ("texts" in job.inputs) == (task not in ("mnli", "qqp"))
    assert "texts" not in Student(1)(grid("small")).inputs
    assert "texts" in Student(1, augmented=True)(grid("small")).inputs


def test_learning_rates_keep_their_ratios_where_models_are_small():
    rates = [Student(1, rate=rate)(grid("small")).params["learning_rate"] for rate in (2e-5, 5e-4)]
    assert rates == pytest.approx([6e-5, 1.5e-3])


def test_the_summaries_of_low_rank_are_the_same_jobs():
    profile = get_profile("smoke").here()
    for few, all_rates in ((xtc.TABLE_C9, xtc.TABLE_C11), (xtc.TABLE_C10, xtc.TABLE_C12)):
        assert {j.identity for j in few.jobs(profile)} == {j.identity for j in all_rates.jobs(profile)}


@pytest.mark.parametrize("profile", ["smoke", "small", "paper"])
def test_lines_of_one_name_are_one_model_and_of_two_names_two(profile):
    """Or two lines of the paper would share a number that they do not share."""
    p = get_profile(profile).at_precision("fp32")
    names: dict[str, str] = {}
    for table in xtc.TABLES:
        for (method, column), jobs in table.cells(p).items():
            for job in jobs:
                if job.kind == "predict" and job.params["split"] == get_task(job.task).evaluated[0]:
                    name = f"{job.method} {job.task} {job.seed}"
                    assert names.setdefault(name, job.identity) == job.identity, (table.name, method, column)
    models = {name for name in names if "_plain" not in name and "_augmented" not in name}
    assert len({names[name] for name in models}) == len(models)


def test_at_smoke_every_line_of_every_table_is_measured_for_two_tasks():
    profile = get_profile("smoke").here()
    for table in NUMBERED[1:]:
        cells = table.cells(profile)
        for row in table.rows:
            if not isinstance(row, Derived):
                assert cells[row.method, "rte_acc"] and cells[row.method, "cola_mcc"], row.method


def test_seeds_are_told_apart_and_their_mean_has_all():
    small = get_profile("small").at_precision("fp32")
    cells = xtc.TABLE_C16.cells(small)
    student = xtc.tables.with_seeds(1, "skip6", 3)
    runs = [cells[f"{student.name}_seed{seed}", "cola_mcc"] for seed in (0, 1, 2)]
    assert [[job.seed for job in run] for run in runs] == [[0], [1], [2]]
    assert [job.seed for job in cells[student.name, "cola_mcc"]] == [0, 1, 2]
    assert {job.identity for run in runs for job in run} == {
        job.identity for job in cells[student.name, "cola_mcc"]
    }
    # Only the last training differs.
    models = [run[0].inputs["model"] for run in runs]
    assert len({model.identity for model in models}) == 3
    assert len({model.inputs["model"].identity for model in models}) == 1
    assert len({model.inputs["teacher"].identity for model in models}) == 1


def test_texts_are_augmented_once_for_all_seeds():
    jobs = {
        job.identity
        for seed in (0, 1)
        for job in in_order([Student(1, augmented=True)(grid("small", seed=seed))])
        if job.kind == "augment"
    }
    assert len(jobs) == 1


def test_the_augmented_texts_that_are_counted_are_those_that_students_learn_from():
    small = get_profile("small")
    kinds = {}
    for table in (xtc.TABLE_C1, xtc.TABLE_C4):
        asked = in_order(table.jobs(table.decided(small, there=())))
        kinds[table.name] = {job.identity for job in asked if job.kind in ("masked_lm", "augment")}
    assert kinds["table_c1"] and kinds["table_c1"] == kinds["table_c4"]
    open_to_any = [table for table in xtc.TABLES if table.precision != "fp32"]
    assert open_to_any == [xtc.KERNELS]  # which has no models


def test_the_teacher_of_another_seed_is_compared_with_the_teacher_and_measured_by_itself():
    cells = xtc.LOYALTY.cells(get_profile("small").at_precision("fp32"))
    compared = cells["other_seed", "error_jaccard"]
    pairs = [[job.inputs[f"predictions_{side}"] for side in "ab"] for job in compared]
    assert [[side.seed for side in pair] for pair in pairs] == [[0, 1], [1, 2]]
    own = [job.identity for job in cells["other_seed", "accuracy"]]
    assert own == [other.identity for _, other in pairs]
    assert cells["teacher", "error_jaccard"] == []
    for method in ("other_seed", "2bit_all_C_1s_2e-05"):
        teachers = [job.inputs["teacher"].identity for job in cells[method, "label_loyalty"]]
        assert teachers == [one.identity for one, _ in pairs], method


def test_a_loyalty_that_takes_no_reading_stands_under_the_table():
    from made_records import prediction_record, source_of

    records = [
        prediction_record(xtc.LOYALTY, "teacher", answers, seed)
        for seed, answers in enumerate(([1, 1, 1, 0], [1, 1, 0, 0]))
    ]
    said = xtc.one_answer(source_of(records, {"cola validation": "1110"})).text.replace("\u00a0", " ")
    assert "right in 75.0 % of them (small), and answers like the teacher in 62.5 %" in said
    assert "not known" in xtc.one_answer(source_of([])).text
    gold = {"cola validation": "1110"}
    assert xtc.loyalty_of_one_answer(source_of(records, gold)) == "62.5"  # 3 of 4, and 2 of 4
    assert xtc.loyalty_of_one_answer(source_of([])) == "not run"


# Claims


def test_every_claim_agrees_with_its_own_paper():
    judgements = judge(committed(), xtc.CLAIMS)
    assert len({claim.name for claim in xtc.CLAIMS}) == len(xtc.CLAIMS)
    for judgement in judgements:
        if math.isnan(judgement.reported):
            continue
        if judgement.claim.margin is None:
            assert judgement.reported > 0, judgement.claim.name
        else:
            assert abs(judgement.reported) <= judgement.claim.margin, judgement.claim.name


def test_where_the_papers_numbers_do_not_bear_a_sentence_out_nothing_is_asked_and_the_comparison_is_shown():
    by_task = (*xtc.STAGE_CLAIMS, *xtc.LAYER_CLAIMS, *xtc.FEW_BITS_CLAIMS, *xtc.LOW_RANK_CLAIMS)
    left_out = xtc.contradicted(by_task)
    assert len({claim.name for claim in (*by_task, *left_out)}) == len(by_task) + len(left_out)
    for claim in left_out:
        reported = reported_effect(claim)
        assert not abs(reported) <= claim.margin if claim.margin else not reported > 0, claim.name
    told = {(claim.sentence[:12], claim.column) for claim in left_out}
    assert {("Going to one", "cola_mcc"), ("With the rig", "rte_acc")} <= told
    asked = {(c.sentence, c.first, c.second, c.column) for c in (*by_task, *left_out) if c.sums}
    assert len(asked) == 2 * 4  # both differences of differences, in all four tasks


def test_a_claim_about_what_the_profile_has_not_says_so():
    from made_records import source_of

    told = {j.claim.name: j.reason for j in judge(source_of([]), xtc.CLAIMS)}
    for name in ("xtc_five_layers_cola", "xtc_two_bits_skip5_cola"):
        assert told[name] == "the profile small has no such model"
    for name in ("xtc_longer_rte", "xtc_seeds_1bit"):
        assert told[name] == "the profile small leaves this task out"
    assert told["xtc_two_bits_skip4_stsb"] == told["xtc_longer_cola"] == "records are missing"


def test_seeds_are_asked_about_as_the_paper_prints_their_spread():
    told = {claim.name: claim.printed() for claim in xtc.SEED_CLAIMS}
    # 0.09, 0.10, 0.04 and 0.06 of the population of three, the means of whose squares are pooled; and 0.05.
    of_population = {"xtc_seeds_1bit": math.sqrt(0.0233 / 4), "xtc_seeds_2bit": 0.05}
    assert told == pytest.approx({name: each * math.sqrt(1.5) for name, each in of_population.items()})
    assert [claim.margin for claim in xtc.SEED_CLAIMS] == pytest.approx([0.1225, 0.1225], abs=1e-4)


def test_three_trainings_a_line_cannot_show_what_the_paper_says_of_seeds():
    told = xtc.seeds_of_the_paper().text
    # With 8 and 2 degrees of freedom the upper ends are 1.92 and 6.28 times the deviation.
    assert "Table C.16, 1 bit: 0.09 [0.06, 0.18]" in told and "Table C.17, 2 bits: 0.06 [0.03, 0.38]" in told
    assert told.endswith("Asked is 0.12.")


# Sizes


def test_the_table_of_sizes_has_what_is_printed_and_what_is_counted():
    told = xtc.sizes_table().text
    assert "12, 2  26.8  26.07  30.18  16.0 ×" in told
    assert "6, 1  8.0  7.97  11.97  52.3 ×  34.9 ×" in told
    assert len(told.splitlines()) == 13


def test_without_records_pages_show_the_papers_numbers_and_say_that_nothing_was_run():
    from made_records import source_of

    cells = measured(source_of([]), xtc.TABLE_C2)
    told = {name: set(cells.status[cells.column == name]) for name in ("cola_mcc", "stsb_pearson", "rte_acc")}
    assert told == {"cola_mcc": {"not run"}, "stsb_pearson": {"not run"}, "rte_acc": {"left out"}}
    nothing = {"small": source_of([])}
    assert "Nothing has been measured yet" in xtc.weights_picture(nothing, xtc.FIGURE_5).text
    assert len(xtc.training_costs(nothing).text.splitlines()) == 1
    assert len(xtc.selection_table(nothing, xtc.TABLE_C2).text.splitlines()) == 1


def test_tables_of_small_quantized_models_have_the_sizes_that_the_paper_prints():
    few = Student(1, "skip5", "C", 1, 2e-5).name
    for table in (xtc.TABLE_C8, xtc.TABLE_C13, xtc.TABLE_C14):
        printed = [reported_value(table, table.row(few), table.column(name)) for name in PRINTED]
        assert printed == [7.1, 58.5]
    (size, *_) = xtc.TABLE_C15.columns
    assert {reported_value(xtc.TABLE_C15, row, size) for row in xtc.TABLE_C15.rows} == {8.0, 8.1, 16.0, 16.2}


def test_the_average_without_cola_leaves_out_cola_alone():
    (without,) = (each for each in AVERAGES if each.name == "avg_wo_cola")
    assert set(without.of) == set(GLUE_AVERAGE) - {"cola_mcc"}


def test_rows_that_begin_with_a_checkpoint_say_so():
    for layers, begins in (("tinybert6", True), ("minilm6", True), ("skip6", False), ("all", False)):
        assert row_of(Student(layers=layers), "", {}).checkpoint is begins


def test_with_a_fixed_start_all_that_goes_before_has_the_first_seed():
    job = Student(bits=1, layers="skip6", fixed_start=True)(grid(seed=2))
    assert job.seed == 2
    assert {needed.seed for needed in in_order([job]) if needed is not job} <= {0, None}


def test_batches_are_those_of_table_c1():
    of = {task: Student()(grid(task=task)).params["batch_size"] for task in ("cola", "mrpc", "sst2")}
    assert of == {"cola": 16, "mrpc": 32, "sst2": 32}  # Table C.1


def test_texts_are_copied_as_often_as_in_the_released_code():
    of = {task: augmented_texts(grid(task=task)).params["copies"] for task in ("rte", "cola", "sst2", "mnli")}
    assert of == {"rte": 30, "cola": 30, "sst2": 20, "mnli": 10}


def test_a_student_that_cannot_exist_has_a_dash_with_the_reason_and_what_waits_has_not():
    from made_records import source_of

    cells = measured(source_of([]), xtc.TABLE_C8)
    told = {method: set(of.text) for method, of in cells.reset_index(drop=True).groupby("method")}
    none = {method for method, texts in told.items() if texts == {"– no such model"}}
    assert none == {"32bit_skip5_C_1s_1e-04", "2bit_skip5_C_1s_2e-05", "1bit_skip5_C_1s_2e-05"}
    assert "not run" in told["1bit_skip6_C_1s_2e-05"] and not any(
        "– no" in t for t in told["1bit_skip6_C_1s_2e-05"]
    )


def test_nearly_all_of_a_distance_is_rounding_as_the_page_says():
    source = committed()
    for row in xtc.WEIGHTS.rows:
        (record,) = source.done(xtc.WEIGHTS, row.method, "distance")
        by_rounding, whole = (np.mean(record["per_example"][name]) for name in ("rounding", "distances"))
        assert 0.9 * whole < by_rounding <= whole


def test_of_what_a_profile_leaves_out_the_papers_numbers_stand_alone():
    from made_records import source_of

    shown = side_by_side({"small": source_of([])}, "large", xtc.TABLE_C9)
    assert "not run: MNLI-m; MNLI-mm; QNLI; QQP, F1; QQP; SST-2; Average" in shown.html
    assert "small" not in shown.text and "5e-5" not in shown.text  # nor lines that the paper does not have
    small = side_by_side({"small": source_of([])}, "small", xtc.TABLE_C9).text.splitlines()
    assert "cola_mcc, small" in small[0] and "not run" in small[1] and "rte_acc, small" not in small[0]


def test_what_the_paper_prints_with_two_digits_keeps_both():
    table = xtc.TABLE_C8
    row = next(row for row in table.rows if row.method == "1bit_skip6_C_1s_2e-05")
    assert as_printed(table, row, table.column("avg")) == "81.71"
    drops = [as_printed(table, row, table.column("acc_drop")) for row in table.rows]
    assert "-1.51" in drops and "-0.90" in drops
