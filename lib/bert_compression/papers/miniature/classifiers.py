"""The same characteristics of the same six models as classifiers, on MNLI and SST-2, where small models learn
more than on SQuAD 2.0. Each model is held against the largest. The paper asks its questions of SQuAD alone.

Book: notebooks/miniature/classifiers.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from bert_compression.experiments import Grid, Job, per_example
from bert_compression.papers.loyalty.recipes import fine_tuned, teacher
from bert_compression.papers.loyalty.tables import answers, textfooler
from bert_compression.papers.miniature.overlap import LARGEST, Sets, flags_of
from bert_compression.papers.miniature.tables import (
    MODELS,
    NEAREST,
    OTHER_TASK,
    ROWS,
    compared,
    detected,
    encoder,
    in_common,
    other_seeds,
)
from bert_compression.report.records import Source
from bert_compression.report.tables import Column, Panel, Row, Table, two_seeds

# What lies out of distribution: pairs of questions for a model of premises and hypotheses, and sentences from
# linguistics for one of sentences from film reviews.
FOREIGN_TO = {"mnli": OTHER_TASK, "sst2": "cola"}
NAMES = {"mnli": "MNLI", "sst2": "SST-2"}


def _classifier(name: str, g: Grid) -> Job:
    """From the encoder that answers SQuAD on other pages, as the loyalty paper trains its teachers. Where it
    is that teacher, it goes by its name: a job has one."""

    def make() -> Job:
        model, known = fine_tuned(g, encoder(g, name)), teacher(g)
        return known if model.identity == known.identity else model.named(name)

    return g.once((_classifier, name), make)


def _with_largest(make: Callable[[Grid, Job, Job, Row], Job]) -> Callable[[Grid, Row], list[Job]]:
    """A row's model compared with the largest at another seed, and the largest with itself at a later one."""

    def measure(g: Grid, row: Row) -> list[Job]:
        seeds = other_seeds(g, row.method == LARGEST)
        return [make(g, row.recipe(g), _classifier(LARGEST, g.at(seed=seed)), row) for seed in seeds]

    return measure


@_with_largest
def _similarity(g: Grid, model: Job, largest: Job, row: Row) -> Job:
    return compared(g, model, largest, row.method, LARGEST)


@_with_largest
def _overlap(g: Grid, model: Job, largest: Job, row: Row) -> Job:
    return in_common(g, largest, model, FOREIGN_TO[g.task.name]).named(row.method)


def _detected(g: Grid, row: Row) -> Job:
    return detected(g, row.recipe(g), FOREIGN_TO[g.task.name], NEAREST)


COLUMNS = (
    Column("accuracy", "Accuracy", answers),
    Column("error_jaccard", "Error overlap", _overlap),
    Column("neighbour_jaccard_50", "Neighbours shared", _similarity),
    Column("cka_last", "CKA, last layer", _similarity),
    Column("outlier_jaccard", "OOD overlap", _overlap),
    Column("auroc", "AUROC of foreign inputs", _detected),
    Column("after_attack_accuracy", "After-attack accuracy", textfooler),
)


def _table(task: str) -> Table:
    caption = (
        f"Six models on {NAMES[task]}, from large to tiny. What is shared is with the largest model at "
        "another seed, in the first line as well."
    )
    return Table(
        paper="miniature",
        name=f"classifiers_{task}",
        title=f"Classifiers on {NAMES[task]}",
        task=task,
        rows=tuple(replace(row, recipe=partial(_classifier, row.method)) for row in ROWS),
        columns=COLUMNS,
        panels=(Panel("all", caption, tuple(column.name for column in COLUMNS)),),
        seeds=two_seeds,
        precision="bf16",  # in which the encoders of SQuAD's tables were distilled
    )


CLASSIFIERS_MNLI, CLASSIFIERS_SST2 = map(_table, ("mnli", "sst2"))
CLASSIFIERS = {table.task: table for table in (CLASSIFIERS_MNLI, CLASSIFIERS_SST2)}


def wrong_labels(source: Source, task: str) -> Sets:
    """Which texts each model labels wrongly, by model and seed."""
    return {
        (model, record["seed"]): per_example(record, "predictions") != source.gold[record["data"]["digest"]]
        for model in MODELS
        for record in source.done(CLASSIFIERS[task], model, "accuracy")
    }


def flagged_texts(source: Source, task: str) -> Sets:
    """Which inputs of the foreign task each model finds out of distribution, by model and seed."""
    return flags_of(source, CLASSIFIERS[task], "auroc")
