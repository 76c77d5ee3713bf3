"""Sentences whose numbers come from records: the words stand in the notebook, the numbers in the records."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean
from string import Formatter
from types import SimpleNamespace
from typing import TYPE_CHECKING

from bert_compression.attacks import BuiltinResources, FolderResources, GenuineResources
from bert_compression.experiments import get_profile, per_example
from bert_compression.report.html import Shown, simple_table
from bert_compression.report.records import (
    FAILED,
    LEFT_OUT,
    MEASURED,
    NO_MODEL,
    NOT_RUN,
    OTHERS,
    THIS_RUN,
    UNDEFINED,
    Source,
    measured,
)
from bert_compression.report.reported import reported_spread
from bert_compression.report.tables import Derived, Table
from bert_compression.report.verdicts import effect_text
from bert_compression.report.views import foremost, of_this_run
from bert_compression.tasks import get_task, load_examples, open_source, trivial_baselines

if TYPE_CHECKING:
    import pandas as pd

REPLACES = {kind.name: kind.replaces for kind in (GenuineResources, FolderResources, BuiltinResources)}
BASELINES = (
    "Right without reading, in percent of the texts; of a regression target, the correlation times 100."
)


def said(text: str) -> Shown:
    """A sentence; a number never stands at the end of a line without its percent sign, and what stands in the
    place of a number, such as "not run", has none."""
    text = re.sub(rf"({FAILED}|{NOT_RUN}|{LEFT_OUT}|{UNDEFINED}|{OTHERS}|{NO_MODEL}) %", r"\1", text).replace(
        " %", "\u00a0%"
    )
    return Shown(text=text, markdown=text)


def basis(sources: Mapping[str, Source], table: Table) -> Source:
    """The source that a page's sentences are read from: the first that holds anything of the table."""
    found = [source for source in sources.values() if source.of(table)]
    return found[0] if found else list(sources.values())[-1]


def say(source: Source, table: Table, template: str, **words: str) -> Shown:
    """Fill a sentence with the numbers of a table in a source, and with further words by name.

    `{kd.label_loyalty}` is the printed value of that cell; `{highest.label_loyalty}` and
    `{lowest.label_loyalty}` name the compressed model with the largest and the smallest value, and that
    value; `{basis}` is the name of the source. A cell without a value is filled with the reason, such as "not
    run"; [[ and ]] stand around what is left out where that is the reason.

    What a sentence sets side by side in a column are means over the same seeds, those that all of the named
    methods have; where these are not all seeds of each, it ends with them.
    """
    asked: dict[str, list[str]] = {}
    for _, name, _, _ in Formatter().parse(template):
        word, _, column = (name or "").partition(".")
        if column:
            asked.setdefault(column, []).append(word)
    cells = measured(source, table)
    told, fewer = cells.copy(), []
    own = [row.method for row in table.rows if not isinstance(row, Derived)]
    for column, named in asked.items():
        of_all = not {"highest", "lowest"}.isdisjoint(named)
        fewer += _at_shared_seeds(source, table, column, own if of_all else named, told)
    fields = {method: SimpleNamespace(**told.loc[method].text) for method in dict.fromkeys(cells.method)}
    ranked = told[told.method.isin(own)].reset_index(drop=True).groupby("column")
    for word, choose in (("highest", max), ("lowest", min)):
        fields[word] = SimpleNamespace(**{column: _extreme(of, choose) for column, of in ranked})
    filled = template.format(basis=source.name, **fields, **words)
    text = re.sub(r"\[\[(.*?)\]\]", lambda part: "" if NOT_RUN in part[1] else part[1], filled)
    seeds = f" (At seed{'s' * (len(fewer) > 1)} {', '.join(map(str, dict.fromkeys(fewer)))}, which all have.)"
    return said(text + seeds if fewer else text)


def _at_shared_seeds(
    source: Source, table: Table, name: str, methods: Sequence[str], cells: "pd.DataFrame"
) -> list[int]:
    """Put the means over those seeds that all of these methods have in a column into its cells; a method
    without a value does not count. The seeds, where some method has others as well."""
    column = table.column(name)
    seeds = {method: len(source.values(table, table.row(method), column)) for method in methods}
    rows = [table.row(method) for method in seeds if seeds[method]]
    values = source.shared(table, rows, column)
    shared = [*values[0]] if values else []
    if not shared or all(seeds[row.method] == len(shared) for row in rows):
        return []
    for row, by_seed in zip(rows, values, strict=True):
        value = fmean(by_seed.values())
        cells.loc[(row.method, name), ["value", "text"]] = value, column.text(value)
    return shared


def _extreme(column: "pd.DataFrame", choose: Callable) -> str:
    cells = column[(column.status == MEASURED) & (column.method != "teacher")]
    if cells.empty:
        return NOT_RUN
    wanted = cells.text[cells.value == choose(cells.value)].iloc[0]
    # Models that print the same share the place: a difference that cannot be seen is not claimed.
    return f"{' and '.join(cells.label[cells.text == wanted])} ({wanted})"


def spreads_in_words(source: Source, table: Table, column: str) -> Shown:
    """How far do trainings of one method lie apart in a column, in the paper and here? Standard deviations,
    the least and the most of any row."""
    asked = table.column(column)
    printed = [reported_spread(table, row, asked) for row in table.rows]
    cells = measured(source, table)
    ours = cells.spread[(cells.column == column) & (cells.seeds > 1)]
    theirs = sorted(each for each in printed if not math.isnan(each))
    here = (
        f"{ours.min():.1f} to {ours.max():.1f}, {ours.median():.1f} in the median" if len(ours) else NOT_RUN
    )
    return said(
        f"{asked.label}, standard deviation over trainings: the paper prints {theirs[0]:.1f} to "
        f"{theirs[-1]:.1f}; here it is {here}."
    )


def size_of(source: Source, table: Table) -> str:
    """On how much do a source's numbers rest? Such as "3 seeds, 872 texts, 400 of them attacked".

    Where methods have been measured with different numbers of seeds, "1 to 3 seeds".
    """
    done = [record for record in source.of(table) if record["status"] == "ok"]
    answered = {r["params"]["split"]: r["data"]["rows"] for r in done if r["kind"] == "predict"}
    attacked = [record["data"]["rows"] for record in done if record["kind"] == "attack"]
    main_split = get_task(table.task).evaluated[0]
    if main_split not in answered:
        return "nothing yet"
    methods = {record["method"] for record in done}
    numbers = {len({r["seed"] for r in done if r["method"] == method}) for method in methods}
    few, many = min(numbers), max(numbers)
    seeds = f"{few} to {many} seeds" if few < many else "1 seed" if many == 1 else f"{many} seeds"
    others = "".join(f", and {answered[split]:,} of {split}" for split in answered if split != main_split)
    told = f", {max(attacked):,} of them attacked" if attacked else ""
    return f"{seeds}, {answered[main_split]:,} texts{told}{others}"


def sizes_of(source: Source, *tables: Table) -> str:
    """On how much does each column of these tables rest, at most? Such as "QQP 1 seed and 1,000 texts; RTE
    ..."."""
    found: dict[str, list[Mapping]] = {}
    for table in tables:
        for column in table.columns:
            for row in table.rows:
                found.setdefault(column.label, []).extend(source.done(table, row.method, column.name))
    told = []
    for label, records in found.items():
        if records:
            seeds, texts = len({r["seed"] for r in records}), records[0]["data"]["rows"]
            told.append(f"{label} {seeds} seed{'s' if seeds > 1 else ''} and {texts:,} texts")
    return "; ".join(told) or "nothing yet"


def word_resources(sources: Mapping[str, Source], table: Table) -> Shown:
    """For each source the level of word resources that its attacks used, and what these replace."""
    lines = []
    for name, source in foremost(sources).items():
        attacks = [record for record in source.all_of(table) if record["kind"] == "attack"]
        for level in sorted({record["params"]["resources"] for record in attacks}):
            replaced = REPLACES[level]
            end = ":" if replaced else "."
            lines.append(f"- *{name}* was attacked with the word resources `{level}`{end}")
            lines += [f"  - instead of the {line}" for line in replaced]
    text = "\n".join(lines) or "No attack has been run."
    return Shown(text, markdown=text)


def word_guessers(sources: Mapping[str, Source], table: Table) -> Shown:
    """For each source the masked language model that guessed words for BERT-ATTACK, and what its head was
    trained on where that was here."""
    lines = []
    for name, source in foremost(sources).items():
        for record in source.all_of(table):
            if record["kind"] != "masked_lm" or record["status"] != "ok":
                continue
            encoder, data = record["params"]["encoder"], record["data"]
            head = "with its own masked-word head"
            if data:
                head = (
                    f"under a masked-word head that was trained here on {data['rows']:,} texts of "
                    f"{record['task']}, without their labels"
                )
            lines.append(f"- *{name}*: words were guessed by `{encoder}`, {head}.")
    text = "\n".join(lines) or "No word has been guessed."
    return Shown(text, markdown=text)


def baselines_in_words(task: str, profile: str, data: str | Path | None = None) -> Shown:
    """How often are trivial classifiers right on a task, trained on what the profile's models are trained on?

    A sentence about the main split, at the data that the profile reads. Raises BadInput where they are not
    to be had. Book: data/built_in_english.
    """
    found = _baselines(task, profile, data)
    listed = ", ".join(f"{name} {100 * share:.1f} %" for name, share in found.items())
    return of_this_run(
        said(
            f"Right without reading, on the {get_task(task).evaluated[0]} texts of this run "
            f"({profile}): {listed}. What a model has above that, it has from order and meaning."
        )
    )


def baselines_table(tasks: Sequence[str], profile: str, data: str | Path | None = None) -> Shown:
    """The same for several tasks: a line each."""
    found = {name: _baselines(name, profile, data) for name in tasks}
    kinds = list(dict.fromkeys(kind for each in found.values() for kind in each))
    rows = [
        [name, *(f"{100 * each[k]:.1f}" if k in each else "–" for k in kinds)] for name, each in found.items()
    ]
    return of_this_run(simple_table(BASELINES, ["Task", *kinds], rows))


def _baselines(name: str, profile_name: str, data: str | Path | None) -> dict[str, float]:
    profile, task = get_profile(profile_name), get_task(name)
    source = open_source(data or None, profile.builtin_data)
    train = load_examples(source, task, "train", profile.train_size[task.name])
    return trivial_baselines(train, load_examples(source, task, task.evaluated[0]))


def never_answering(sources: Mapping[str, Source], table: Table) -> Shown:
    """Of how many questions is no answer the right one? From a table of extractive QA."""
    told = []
    for name, source in foremost(sources).items():
        answered = [r for r in source.of(table) if (r["kind"], r["status"]) == ("answer_qa", "ok")]
        if answered:
            share = float((per_example(answered[0], "answerable") == 0).mean())
            told.append(f"“{name}” {100 * share:.1f} %")
    return said(f"Exact match and F1 of who never answers: {', '.join(told) or 'nothing yet'}.")


def glue_numbers(sources: Mapping[str, Source], table: Table, judgements: Iterable = ()) -> None:
    """Make every number of a table, and every judgement, quotable on other pages, as text.

    The keys are `<source>_<method>_<column>` (`small_kd_label_loyalty`; `run_` for this run), and
    `reported_<claim>`, `effect_<claim>` and `verdict_<claim>`. A key is there whether or not there is a
    value: the text then is "not run" or a dash.
    """
    for name, source in sources.items():
        cells = measured(source, table)
        word = "run" if name.startswith(THIS_RUN) else name
        for method, column, text in zip(cells.method, cells.column, cells.text, strict=True):
            quotable(f"{word}_{method}_{column}", text)
    for judgement in judgements:
        name = judgement.claim.name
        quotable(f"reported_{name}", judgement.claim.signed(judgement.reported))
        quotable(f"effect_{name}", effect_text(judgement))
        quotable(f"verdict_{name}", judgement.verdict)


def quotable(name: str, shown: object) -> None:
    """Make a text, or what a cell shows, quotable on other pages under a name; where a notebook is run for
    itself, without what builds the book, nothing quotes it."""
    if find_spec("myst_nb"):
        from myst_nb import glue

        glue(name, shown, display=False)
