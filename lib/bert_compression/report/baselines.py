"""What a task's numbers are to be seen beside: classifiers that do not read."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import pandas as pd

from bert_compression.experiments.profiles import get_profile
from bert_compression.report.shown import Shown, scrolling_table, tag
from bert_compression.tasks.baselines import trivial_baselines
from bert_compression.tasks.catalogue import get_task
from bert_compression.tasks.sources import load_examples, open_source

CAPTION = "Right without reading, in percent of the texts; of grades, the correlation times 100."


def baselines_in_words(task_name: str, profile_name: str, data: str | Path | None = None) -> Shown:
    """How often are trivial classifiers right on a task, trained on what the profile's models are trained on?

    A sentence about the main split, at the data that the profile reads. Raises BadInput where they are not
    to be had. Book: data/built_in_english.
    """
    found = _baselines(task_name, profile_name, data)
    listed = ", ".join(f"{name} {100 * share:.1f}\u00a0%" for name, share in found.items())
    text = (
        f"Right without reading, on the {get_task(task_name).evaluated[0]} texts of this run "
        f"({profile_name}): {listed}. What a model has above that, it has from order and meaning."
    )
    return Shown(text, markdown=text)


def baselines_table(task_names: Sequence[str], profile_name: str, data: str | Path | None = None) -> Shown:
    """The same for several tasks: a line each."""
    found = {name: _baselines(name, profile_name, data) for name in task_names}
    kinds = list(dict.fromkeys(kind for each in found.values() for kind in each))
    cells = {
        name: [f"{100 * each[k]:.1f}" if k in each else "–" for k in kinds] for name, each in found.items()
    }
    head = tag("tr", *(tag("th", escape(word), scope="col") for word in ("Task", *kinds)))
    lines = (
        tag("tr", tag("th", escape(name), scope="row"), *(tag("td", cell) for cell in row))
        for name, row in cells.items()
    )
    table = scrolling_table(CAPTION, tag("thead", head), tag("tbody", *lines))
    return Shown(pd.DataFrame.from_dict(cells, "index", columns=kinds).to_string(), html=table)


def never_answering(sources: Mapping[str, Sequence[Mapping]]) -> Shown:
    """Of how many questions is no answer the right one? From records of the kind "answer", a source each."""
    found = {
        source: next((r["per_example"]["answerable"] for r in records if _answered(r)), "")
        for source, records in sources.items()
    }
    shares = (
        f"“{source}” {100 * told.count('0') / len(told):.1f}\u00a0%" for source, told in found.items() if told
    )
    text = f"Exact match and F1 of who never answers: {', '.join(shares) or 'nothing yet'}."
    return Shown(text, markdown=text)


def _answered(record: Mapping) -> bool:
    return (record["kind"], record["status"]) == ("answer", "ok")


def _baselines(task_name: str, profile_name: str, data: str | Path | None) -> dict[str, float]:
    profile, task = get_profile(profile_name), get_task(task_name)
    source = open_source(data, profile.builtin_data)
    train = load_examples(source, task, "train", profile.train_size[task.name])
    return trivial_baselines(train, load_examples(source, task, task.evaluated[0]))
