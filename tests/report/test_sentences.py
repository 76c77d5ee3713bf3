"""Sentences whose numbers come from records."""

import re
import sys

import pytest
from made_records import cell_record, job_of, record_of, source_of

from bert_compression.errors import BadInput
from bert_compression.papers.loyalty import TABLE_1, TABLE_3
from bert_compression.papers.miniature import ERRORS, WEAKNESSES
from bert_compression.papers.taylor import TABLE_2 as TAYLOR
from bert_compression.report import (
    baselines_in_words,
    baselines_table,
    basis,
    glue_numbers,
    never_answering,
    quotable,
    say,
    size_of,
    sizes_of,
    word_guessers,
    word_resources,
)
from bert_compression.report.html import RUN, signed
from bert_compression.tasks import get_task, load_examples, open_source, trivial_baselines


def source(**accuracies):
    return source_of(
        [
            cell_record(TABLE_3, method, "accuracy", metrics={"accuracy": value})
            for method, value in accuracies.items()
        ]
    )


def test_a_sign_is_written_out_and_zero_has_none():
    assert [signed(value) for value in (1.25, -1.25, 0.04, -0.04)] == ["+1.2", "−1.2", "0.0", "0.0"]
    assert signed(float("nan")) == "–"


def test_a_sentence_takes_its_numbers_from_the_table():
    template = "From {basis}: KD has {kd.accuracy} %, best is {highest.accuracy}, {lowest.accuracy} trails"
    said = say(source(kd=0.91, head_prune=0.96, teacher=0.99), TABLE_3, template).markdown
    assert said == "From small: KD has 91.0\u00a0%, best is Head Prune (96.0), KD (91.0) trails"
    nothing = say(source(), TABLE_3, template).markdown
    assert nothing == "From small: KD has not run, best is not run, not run trails"


def test_a_sentence_sets_means_over_the_same_seeds_side_by_side():
    kd, pruned = ((0.9, 0.8), (0.7,))
    found = [
        cell_record(TABLE_3, method, "accuracy", seed=seed, metrics={"accuracy": value})
        for method, values in (("kd", kd), ("head_prune", pruned))
        for seed, value in enumerate(values)
    ]
    both = "{kd.accuracy} against {head_prune.accuracy}, best {highest.accuracy}"
    told = "90.0 against 70.0, best KD (90.0) (At seed 0, which all have.)"
    assert say(source_of(found), TABLE_3, both).text == told
    assert say(source_of(found), TABLE_3, "{kd.accuracy}").text == "85.0"  # beside nothing, both seeds count
    assert say(source_of(found[1:]), TABLE_3, "{kd.accuracy}, {head_prune.accuracy}").text == "80.0, 70.0"


def test_a_shared_first_place_names_both():
    assert (
        say(source(kd=0.9, head_prune=0.9), TABLE_3, "{highest.accuracy}").text == "KD and Head Prune (90.0)"
    )


def test_sentences_are_read_from_the_first_source_that_holds_anything():
    full, empty = source(kd=0.9), source_of([], name="other")
    assert basis({"small": full, "other": empty}, TABLE_3) is full
    assert basis({"small": empty, "run": full}, TABLE_3) is full
    assert basis({"small": empty, "run": source_of([])}, TABLE_3).records == []


def records(table, seeds, *columns, method="kd", rows=8):
    data = {"source": "folder", "digest": "texts", "rows": rows}
    return [
        cell_record(table, method, column, seed=seed, data=data)
        for column in columns
        for seed in range(seeds)
    ]


def test_the_size_of_what_was_measured_names_splits_and_uneven_seeds():
    even = [*records(TABLE_3, 2, "accuracy"), *records(TABLE_3, 2, "after_attack_accuracy", rows=4)]
    assert size_of(source_of(even), TABLE_3) == "2 seeds, 8 texts, 4 of them attacked"
    uneven = [
        *records(TABLE_1, 3, "accuracy", rows=600),
        *records(TABLE_1, 3, "accuracy_mismatched", rows=200),
        *records(TABLE_1, 1, "after_attack_accuracy", method="pkd", rows=200),
    ]
    rest = "600 texts, 200 of them attacked, and 200 of validation_mismatched"
    assert size_of(source_of(uneven), TABLE_1) == f"1 to 3 seeds, {rest}"
    assert size_of(source_of([]), TABLE_3) == "nothing yet"


def test_how_much_stands_behind_each_column():
    found = [*records(TAYLOR, 2, "mrpc", method="ce_4x312", rows=10)]
    found += records(TAYLOR, 1, "rte", method="ce_4x312", rows=10)
    assert sizes_of(source_of(found), TAYLOR) == "MRPC 2 seeds and 10 texts; RTE 1 seed and 10 texts"
    assert sizes_of(source_of([]), TAYLOR) == "nothing yet"


def test_what_stands_in_for_the_papers_word_resources_is_named():
    job = job_of(TABLE_3, "kd", "after_attack_accuracy")
    attack = record_of(job)
    told = word_resources({"small": source_of([attack]), "this run": source_of([])}, TABLE_3).markdown
    assert told.startswith("- *small* was attacked with the word resources `folder`:\n  - instead of the ")
    assert "Universal Sentence Encoder: all-MiniLM-L6-v2" in told and "this run" not in told
    genuine = attack | {"params": {**attack["params"], "resources": "genuine"}}
    expected = "- *small* was attacked with the word resources `genuine`."
    assert word_resources({"small": source_of([genuine])}, TABLE_3).text == expected
    assert word_resources({"small": source_of([])}, TABLE_3).text == "No attack has been run."


def test_the_masked_language_model_is_named_with_what_it_learnt_from():
    attack = job_of(WEAKNESSES, "tiny", "bert_attack_degradation")
    job = attack.inputs["language_model"]
    here = {"source": "folder", "digest": "texts", "rows": 5000}
    ready = record_of(job, data=None, params={**job.params, "encoder": "bert-base-uncased"})
    sources = {
        "small": source_of([record_of(attack), record_of(job, data=here)]),
        "paper": source_of([ready]),
        "failed": source_of([ready | {"status": "failed", "error": "died"}]),
    }
    assert word_guessers(sources, WEAKNESSES).text.splitlines() == [
        "- *small*: words were guessed by `all-MiniLM-L6-v2`, under a masked-word head that was trained here "
        "on 5,000 texts of imdb, without their labels.",
        "- *paper*: words were guessed by `bert-base-uncased`, with its own masked-word head.",
    ]
    assert word_guessers({"small": source_of([])}, WEAKNESSES).text == "No word has been guessed."


def test_who_never_answers_is_right_where_there_is_no_answer():
    def answers(method, **others):
        told = {"answerable": [int(each) for each in "0110100011"]}
        return cell_record(ERRORS, method, "exact_match", told, **others)

    found = source_of([answers("tiny", status="failed", error="died"), answers("large")])
    text = str(never_answering({"small": found, "this run (smoke)": source_of([])}, ERRORS))
    assert text == "Exact match and F1 of who never answers: “small” 50.0\u00a0%."
    assert str(never_answering({"small": source_of([])}, ERRORS)).endswith("nothing yet.")


# Classifiers that do not read.


def test_a_clause_without_its_number_is_left_out():
    template = (
        "The teacher {teacher.accuracy} %[[, {kd.accuracy} % distilled]][[, {head_prune.accuracy} % pruned]]."
    )
    assert say(source(kd=0.91, teacher=0.99), TABLE_3, template).text == (
        "The teacher 99.0\u00a0%, 91.0\u00a0% distilled."
    )


def test_the_sentence_prints_what_the_baselines_score():
    task, built_in = get_task("mnli"), open_source(None, builtin=True)
    train, asked = (
        load_examples(built_in, task, *which) for which in (("train", 1000), ("validation_matched",))
    )
    found = trivial_baselines(train, asked)
    text = str(baselines_in_words("mnli", "smoke"))
    assert "(smoke)" in text
    printed = [float(number) for number in re.findall(r"([\d.]+)\u00a0%", text)]
    assert printed == [round(100 * share, 1) for share in found.values()] and len(printed) == 3
    assert len(re.findall("\u00a0%", str(baselines_in_words("sst2", "smoke")))) == 2
    assert all(  # a book shows them on demand
        shown.html.startswith(f'<div class="{RUN}">')
        for shown in (baselines_in_words("sst2", "smoke"), baselines_table(("rte",), "smoke"))
    )


def test_the_table_has_a_line_a_task_and_a_dash_where_a_baseline_makes_no_sense():
    shown = baselines_table(("stsb", "cola", "rte"), "smoke")
    cells = [line.split("  ") for line in shown.text.splitlines()]
    assert cells[0] == ["Task", "hypothesis only", "bag of words", "majority"]
    assert [row[0] for row in cells[1:]] == ["stsb", "cola", "rte"]
    assert [[cell == "–" for cell in row[1:]] for row in cells[1:]] == [
        [False, False, True],
        [True, False, False],
        [False, False, False],
    ]
    built_in = open_source(None, builtin=True)
    rte = [load_examples(built_in, get_task("rte"), split) for split in ("train", "validation")]
    assert cells[3][3] == f"{100 * trivial_baselines(*rte)['majority']:.1f}"
    assert shown.html.count('scope="row"') == 3


def test_unknown_numbers_in_a_sentence_are_an_error():
    with pytest.raises(BadInput, match="has no 'nobody'"):
        say(source(kd=0.9), TABLE_3, "{nobody.accuracy}")


def test_numbers_are_quotable_where_the_book_is_built_and_a_notebook_runs_without_it(monkeypatch):
    import myst_nb

    told = {}
    monkeypatch.setattr(myst_nb, "glue", lambda name, shown, display: told.update({name: shown}))
    quotable("word", "text")
    glue_numbers({"small": source(kd=0.5)}, TABLE_3)
    assert told["word"] == "text" and told["small_kd_accuracy"] == "50.0"
    monkeypatch.setitem(sys.modules, "myst_nb", None)  # as on Colab
    told.clear()
    quotable("word", "text")
    glue_numbers({"small": source(kd=0.5)}, TABLE_3)
    assert told == {}
