"""Tables as rows and columns: their jobs, their cells, derived rows and columns, and the paper's numbers."""

import hashlib
import math
import re
from dataclasses import replace
from importlib.resources import files

import pytest
from made_records import SMALL, record_of, source_of

from bert_compression.errors import BadInput
from bert_compression.experiments import PRECISIONS, get_profile
from bert_compression.papers import PAPERS, get_tables, loyalty
from bert_compression.papers.loyalty import TABLE_3
from bert_compression.report import reported, say
from bert_compression.report.claims import Claim
from bert_compression.report.records import measured
from bert_compression.report.reported import reported_value
from bert_compression.report.tables import (
    Best,
    Column,
    Difference,
    Increase,
    MeanOf,
    Panel,
    Row,
    Spread,
    Table,
)

EVERY = pytest.mark.parametrize("table", get_tables(), ids=lambda table: f"{table.paper} {table.name}")
OTHER_SPLIT = Column("accuracy_mismatched", "Mismatched", loyalty.tables.answers_mismatched, "accuracy")


@EVERY
def test_plan_and_page_start_from_the_same_cells(table):
    cells = table.cells(SMALL)
    in_cells = {job.identity for cell in cells.values() for job in cell}
    jobs = table.jobs(SMALL)
    assert [job.identity for job in jobs] == list(dict.fromkeys(job.identity for job in jobs))
    assert {job.identity for job in jobs} == in_cells
    assert [job.seed for job in jobs] == sorted(job.seed for job in jobs)
    assert cells.keys() == {(row.method, column.name) for row in table.rows for column in table.columns}


@EVERY
def test_rows_columns_and_panels_have_names_of_their_own_and_panels_show_what_there_is(table):
    for names in (
        [r.method for r in table.rows],
        [c.name for c in table.columns],
        [p.name for p in table.panels],
    ):
        assert len(set(names)) == len(names)
    for panel in table.panels:
        assert [table.column(name) for name in panel.columns]
        assert set(panel.without) <= {row.method for row in table.rows}


@EVERY
def test_every_declared_number_of_the_paper_is_found_in_one_line(table):
    for row in table.rows:
        for column in table.columns:
            value = reported_value(table, row, column)
            signed = isinstance(row, Difference) or isinstance(column, Increase)
            assert math.isnan(value) or value >= 0 or signed


def test_columns_that_show_one_record_share_its_job():
    cells = TABLE_3.cells(SMALL)
    shared = ("after_attack_accuracy", "queries_mean", "after_attack_accuracy_class_0")
    assert len({id(job) for name in shared for job in cells["kd", name]}) == len(SMALL.seeds)


def test_a_row_can_be_measured_in_some_columns_only():
    row = replace(TABLE_3.row("kd"), columns=("accuracy",))
    cells = replace(TABLE_3, rows=(row,)).cells(SMALL)
    assert cells["kd", "accuracy"] and not cells["kd", "label_loyalty"]


def test_the_precision_must_be_decided_and_follows_most_of_what_is_there():
    small = get_profile("small")
    with pytest.raises(BadInput, match="precision 'auto' of small must be decided first"):
        TABLE_3.cells(small)
    there = {each: [job.identity for job in TABLE_3.jobs(small.at_precision(each))] for each in PRECISIONS}
    shared = set(there["bf16"]) & set(there["fp32"])
    assert len(shared) < len(there["bf16"]) / 4  # of what trains in fp32 either way
    for precision in PRECISIONS:
        other = next(each for each in PRECISIONS if each != precision)
        assert TABLE_3.decided(small, [*there[precision], *there[other][:2]]).precision == precision
    assert TABLE_3.decided(small, []) == small.here()
    assert TABLE_3.decided(SMALL, there["bf16"]) == SMALL  # fp32, and so it stays


def test_unknown_names_are_refused_with_those_that_there_are():
    with pytest.raises(BadInput, match="Table 3 has no 'kt': choose one of teacher, kd, "):
        TABLE_3.row("kt")
    with pytest.raises(BadInput, match="Table 3 has no 'accuracies'"):
        TABLE_3.column("accuracies")
    with pytest.raises(BadInput, match="Table 3 has no 'all': choose one of answers, attack, further"):
        TABLE_3.panel("all")
    with pytest.raises(BadInput, match="loyalty, taylor each have a table_2: name the paper as well"):
        get_tables(None, "table_2")
    assert [table.paper for table in get_tables()] == [
        paper for paper, tables in PAPERS.items() for _ in tables
    ]


# Derived rows and columns.


@pytest.fixture
def derived():
    """Two rows, the better of them, the mean of two columns, and what a row gains over the first."""
    table = loyalty.TABLE_1
    rows = (*(table.row(method) for method in ("truncate_finetune", "kd")),)
    best = Best("best", "Best of both", None, of=("truncate_finetune", "kd"), by="mean")
    columns = (
        table.column("accuracy"),
        OTHER_SPLIT,
        MeanOf("mean", "Mean", None, of=("accuracy", "accuracy_mismatched")),
        Increase("gain", "Gain", None, of="accuracy", over="truncate_finetune"),
    )
    return Table("loyalty", "derived", "Derived", "mnli", (*rows, best), columns)


def records(table, **values):
    found = []
    for method, by_column in values.items():
        for column, seeds in by_column.items():
            for job, value in zip(table.cells(SMALL)[method, column], seeds, strict=False):
                found.append(record_of(job, metrics={"accuracy": value}))
    return found


def test_a_mean_over_columns_is_taken_seed_by_seed_where_all_have_a_value(derived):
    kd = {"accuracy": (0.8, 0.9), "accuracy_mismatched": (0.6,)}
    cells = measured(source_of(records(derived, kd=kd)), derived)
    assert cells.loc["kd", "mean"].value == pytest.approx(70)
    assert cells.loc["kd", "mean"].seeds == 1 and cells.loc["kd", "accuracy"].seeds == 2
    assert cells.loc["truncate_finetune", "mean"].status == "not run"


def test_an_increase_is_over_the_same_seed_and_may_be_a_drop(derived):
    found = records(derived, kd={"accuracy": (0.8, 0.7)}, truncate_finetune={"accuracy": (0.75, 0.75, 0.75)})
    cells = measured(source_of(found), derived)
    assert cells.loc["kd", "gain"].value == pytest.approx(0) and cells.loc["kd", "gain"].seeds == 2
    assert cells.loc["kd", "gain"].spread == pytest.approx(math.sqrt(50))
    assert cells.loc["truncate_finetune", "gain"].value == pytest.approx(0)


@pytest.mark.parametrize(("kd", "chosen"), [(0.7, 80.0), (0.9, 90.0)])
def test_the_best_row_is_that_with_the_largest_mean_in_its_column(derived, kd, chosen):
    both = {"accuracy": (kd,), "accuracy_mismatched": (kd,)}
    other = {"accuracy": (0.8,), "accuracy_mismatched": (0.8,)}
    source = source_of(records(derived, kd=both, truncate_finetune=other))
    cells = measured(source, derived)
    assert cells.loc["best", "accuracy"].value == pytest.approx(chosen)
    assert cells.loc["best", "mean"].value == pytest.approx(chosen)
    assert (
        cells.loc["best", "accuracy"].records
        == cells.loc["kd" if kd == 0.9 else "truncate_finetune", "accuracy"].records
    )
    assert measured(source_of([]), derived).loc["best", "accuracy"].status == "not run"


def test_the_luck_of_a_seed_that_some_do_not_have_does_not_choose_the_best(derived):
    # At seed 0 KD is better; truncation has a second, luckier seed.
    values = {"kd": {"accuracy": (0.8,)}, "truncate_finetune": {"accuracy": (0.7, 0.95)}}
    table = replace(derived, rows=(*derived.rows[:2], replace(derived.row("best"), by="accuracy")))
    source = source_of(records(table, **values))
    assert source.chosen(table, table.row("best"), "accuracy").method == "kd"
    second = [each for each in source.records if each["method"] != "kd"][1:]
    once = source_of([each for each in source.records if each["method"] == "kd"] + second)
    assert once.chosen(table, table.row("best"), "accuracy") is None  # no seed that both have


def test_in_each_column_the_best_row_may_be_another_and_one_column_may_decide_for_another(derived):
    best = replace(derived.row("best"), by={"accuracy_mismatched": "accuracy"})
    table = replace(derived, rows=(*derived.rows[:2], best))
    values = {
        "kd": {"accuracy": (0.9,), "accuracy_mismatched": (0.6,)},
        "truncate_finetune": {"accuracy": (0.8,), "accuracy_mismatched": (0.7,)},
    }
    cells = measured(source_of(records(table, **values)), table)
    assert cells.loc["best", "accuracy"].value == pytest.approx(90)
    assert cells.loc["best", "accuracy_mismatched"].value == pytest.approx(60)
    by_itself = replace(table, rows=(*table.rows[:2], replace(best, by={})))
    cells = measured(source_of(records(table, **values)), by_itself)
    assert cells.loc["best", "accuracy_mismatched"].value == pytest.approx(70)
    assert cells.loc["best", "mean"].value == pytest.approx(80)  # of the best of either column


def test_differences_of_rows_and_spreads_over_seeds_are_derived_too(derived):
    rows = (
        *derived.rows[:2],
        Difference("difference", "Difference", None, of=("kd", "truncate_finetune")),
        Spread("spread", "Spread", None, of=("kd",)),
    )
    table = replace(derived, rows=rows)
    values = {"kd": {"accuracy": (0.8, 0.6)}, "truncate_finetune": {"accuracy": (0.7,)}}
    cells = measured(source_of(records(table, **values)), table)
    assert cells.loc["difference", "accuracy"].value == pytest.approx(10)
    assert cells.loc["difference", "accuracy"].seeds == 1
    assert cells.loc["spread", "accuracy"].value == pytest.approx(10)  # of the population: 0.8 and 0.6
    assert cells.loc["spread", "mean"].status == "not run"
    assert cells.loc["difference", "accuracy"].status == "measured"


def test_each_row_may_be_compared_with_a_row_of_its_own(derived):
    gain = replace(derived.column("gain"), over={"kd": "truncate_finetune"})
    table = replace(derived, columns=(*derived.columns[:3], gain))
    values = {"kd": {"accuracy": (0.8,)}, "truncate_finetune": {"accuracy": (0.7,)}}
    cells = measured(source_of(records(table, **values)), table)
    assert cells.loc["kd", "gain"].value == pytest.approx(10)
    assert cells.loc["truncate_finetune", "gain"].status == "not run"


# Reported values.


def test_table_3_is_the_papers():
    table = reported("loyalty", "loyalty_table_3")
    assert table.method.tolist() == ["Teacher", "KD", "Head Prune", "Q8-QAT", "Q8-PTQ"]
    assert table.after_attack_acc.tolist() == [7.5, 7.2, 8.1, 6.6, 26.5]


def test_reported_files_keep_their_bytes():
    folder = files("bert_compression.papers") / "loyalty" / "reported"
    content = (folder / "loyalty_table_3.csv").read_bytes()
    assert len(content) == 259 and content.count(b"\r\n") == 6
    assert hashlib.sha256(content).hexdigest().startswith("2199e6e22de3061d")


def test_an_unknown_reported_table_is_refused_with_the_known_ones():
    known = "loyalty_appendix_A_hyperparameters, loyalty_table_1, loyalty_table_2, loyalty_table_3"
    with pytest.raises(BadInput) as error:
        reported("loyalty", "loyalty_table_4")
    assert str(error.value) == (
        f"unknown reported table 'loyalty_table_4' of loyalty: the known ones are {known}"
    )


def test_a_line_is_found_by_whatever_key_columns_row_and_column_name():
    table = replace(loyalty.TABLE_2, rows=(Row("a", "A", None, {"method": "+KD"}),))
    column = Column("x", "X", None, reported="label_loyalty", keys={"base_method": "Theseus"})
    assert reported_value(table, table.rows[0], column) == 91.2
    with pytest.raises(BadInput, match=r"loyalty_table_2 has 3 lines with method = \+KD, not one"):
        reported_value(table, table.rows[0], replace(column, keys={}))
    assert math.isnan(reported_value(table, Row("a", "A", None), column))


def test_the_three_variants_of_quantization_face_one_reported_row():
    facing = TABLE_3.facing(TABLE_3.row("q8_ptq_static"))
    assert [row.method for row in facing] == ["q8_ptq_int8", "q8_ptq_static", "q8_ptq_dynamic"]
    assert {reported_value(TABLE_3, row, TABLE_3.column("accuracy")) for row in facing} == {90.1}


def test_the_best_row_waits_until_all_of_its_candidates_are_measured(derived):
    kd = {"accuracy": (0.9,), "accuracy_mismatched": (0.9,)}
    cells = measured(source_of(records(derived, kd=kd)), derived)
    assert cells.loc["kd", "mean"].value == pytest.approx(90)
    assert cells.loc["best", "accuracy"].status == "not run"
    assert not cells.loc["best", "accuracy"].records


def test_the_best_row_is_no_model_of_its_own(derived):
    two = {
        method: {"accuracy": (0.5, 0.7), "accuracy_mismatched": (0.5, 0.7)}
        for method in ("kd", "truncate_finetune")
    }
    source = source_of(records(derived, **two))
    told = say(source, derived, "{highest.accuracy}").text
    assert "Best of both" not in told and "and" in told


# A table is checked as soon as it is declared.


def best(**told):
    return Best("b", "B", None, **{"of": ("kd",), "by": "mean", **told})


def mean_of(*names):
    return MeanOf("m", "M", None, of=names)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "sst3"}, "unknown task 'sst3'"),
        ({"rows": "again"}, "Derived has two of the name 'truncate_finetune'"),
        ({"columns": "again"}, "Derived has two of the name 'accuracy'"),
        ({"columns": "less"}, "Derived has no 'accuracy'"),
        ({"rows": "less"}, "Derived has no 'truncate_finetune'"),
        ({"rows": best(by="means")}, "Derived has no 'means'"),
        ({"rows": best(by={"mean": "means"})}, "Derived has no 'means'"),
        ({"rows": Spread("s", "S", None, of=("kt",))}, "Derived has no 'kt'"),
        ({"rows": best(of=())}, "'b' in Derived is derived from nothing"),
        ({"rows": best(of=("best",))}, "'b' in Derived is derived from 'best', which is derived itself"),
        ({"columns": mean_of("gain")}, "'m' in Derived is derived from 'gain', which is derived itself"),
        ({"columns": mean_of("m")}, "'m' in Derived is derived from 'm', which is derived itself"),
        ({"panels": Panel("all", "", ("accuracies",))}, "Derived has no 'accuracies'"),
        ({"panels": Panel("all", "", ("accuracy",), without=("kt",))}, "Derived has no 'kt'"),
        ({"rows": Row("r", "R", None, columns=("accuracies",))}, "Derived has no 'accuracies'"),
        ({"rows": Row("r", "R", None, given={"loyal": 1.0})}, "Derived has no 'loyal'"),
    ],
)
def test_a_table_that_names_what_is_not_there_is_refused(derived, change, message):
    """A change adds a thing, or the first one "again", or takes the first one away."""
    ((name, what),) = change.items()
    if name != "task":
        there = getattr(derived, name)
        what = there[1:] if what == "less" else (*there, there[0] if what == "again" else what)
    with pytest.raises(BadInput, match=re.escape(message)):
        replace(derived, **{name: what})


def test_a_claim_about_what_the_table_does_not_have_is_refused(derived):
    for wrong in ({"column": "accuracies"}, {"first": "kt"}, {"second": ("kd", "kt")}):
        told = {"column": "accuracy", "first": "kd", "second": "best", **wrong}
        with pytest.raises(BadInput, match="Derived has no"):
            Claim("c", "A sentence.", "section 1", derived, **told)
