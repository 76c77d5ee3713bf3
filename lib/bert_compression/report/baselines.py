"""What a task's numbers are to be seen beside: classifiers that do not read."""

from pathlib import Path

from bert_compression.experiments.profiles import get_profile
from bert_compression.report.shown import Shown
from bert_compression.tasks.baselines import trivial_baselines
from bert_compression.tasks.glue import get_task
from bert_compression.tasks.sources import load_examples, open_source


def baselines_in_words(task_name: str, profile_name: str, data: str | Path | None = None) -> Shown:
    """How often are trivial classifiers right on a task, trained on what the profile's models are trained on?

    A sentence about the main split, at the data that the profile reads. Raises BadInput where they are not
    to be had. Book: data/built_in_english.
    """
    profile, task = get_profile(profile_name), get_task(task_name)
    source = open_source(data, profile.builtin_data)
    train = load_examples(source, task, "train", profile.train_size[task.name])
    found = trivial_baselines(train, load_examples(source, task, task.evaluated[0]))
    listed = ", ".join(f"{name} {100 * share:.1f}\u00a0%" for name, share in found.items())
    text = (
        f"Right without reading, on the {task.evaluated[0]} texts of this run ({profile.name}): {listed}. "
        "What a model has above that, it has from order and meaning."
    )
    return Shown(text, markdown=text)
