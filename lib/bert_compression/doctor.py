"""What does this machine offer: versions, hardware, and which sources of data, models and words answer?"""

import os
from importlib.util import find_spec
from pathlib import Path

from huggingface_hub import try_to_load_from_cache

from bert_compression.attacks.resources import load_resources
from bert_compression.compression.storage import WEIGHTS
from bert_compression.devices import hub_answers
from bert_compression.errors import BadInput
from bert_compression.experiments import Profile, get_profile, in_order
from bert_compression.experiments.environment import hardware, versions
from bert_compression.models import encoder_digest
from bert_compression.papers import get_tables
from bert_compression.tasks.catalogue import Task, get_task
from bert_compression.tasks.sources import FOLDER_VARIABLE, FolderSource, Source, load_examples, open_source


def examine(profile_name: str, data: str | None) -> dict[str, str]:
    """Findings by name, each a short phrase; "verdict" comes last and says whether the profile runs here.

    Raises BadInput for an unknown profile. What is missing is a finding, never an error.
    """
    profile = get_profile(profile_name)
    machine = hardware()
    return {
        "versions": ", ".join(f"{name} {number}" for name, number in versions().items()),
        "processor": f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB",
        "bf16": "in hardware" if machine["bf16"] else "not in hardware: training stays in fp32",
        "int8": "in hardware (VNNI)" if machine["vnni"] else "without VNNI: real int8 may not be faster",
        "gpu": str(machine["gpu"] or "none"),
        "data_folder": _folder_finding(data),
        "hub": "answers" if hub_answers() else "does not answer",
        "book_tools": _packages("jupyter_book", "papermill"),
        "attack_tools": _packages("textattack"),
        **_profile_findings(profile, data),
    }


def _profile_findings(profile: Profile, data: str | None) -> dict[str, str]:
    """Data, model and words of the profile, and the verdict over them."""
    findings, missing = {}, []
    for name, look in (
        ("data", lambda: _data(profile, data)),
        ("model", lambda: _model(profile)),
        ("word_resources", lambda: _words(profile, data)),
    ):
        try:
            findings[name] = look()
        except BadInput as error:
            findings[name] = f"missing: {error}"
            missing.append(name.replace("_", " "))
    verdict = f"lacks {', '.join(missing)}" if missing else "ready"
    return {**findings, "verdict": f"profile {profile.name}: {verdict}"}


def _data(profile: Profile, data: str | None) -> str:
    source = open_source(data, profile.builtin_data)
    if source.name == "hub" and hub_answers():
        return "from the hub"
    return f"{source.name}: {'; '.join(_counts(source, *wanted) for wanted in _wanted(profile).items())}"


def _wanted(profile: Profile) -> dict[str, list[str]]:
    """The splits that the profile's jobs read, by task."""
    splits: dict[str, list[str]] = {}
    for table in get_tables():
        for job in in_order(table.jobs(profile.here())):
            if "split" in job.params:
                seen = splits.setdefault(job.task, [])
                seen += [job.params["split"]] if job.params["split"] not in seen else []
    return splits


def _counts(source: Source, name: str, splits: list[str]) -> str:
    counts = [f"{_rows(source, get_task(name), split):,} {split}" for split in splits]
    return f"{name} with {', '.join(counts)}"


def _rows(source: Source, task: Task, split: str) -> int:
    state = source.state(task, split)
    return state[1] if state else len(load_examples(source, task, split))


def _model(profile: Profile) -> str:
    if encoder_digest(profile.encoder):
        return f"{profile.encoder}, on this machine"
    if not hub_answers() and not isinstance(try_to_load_from_cache(profile.encoder, WEIGHTS), str):
        raise BadInput(f"{profile.encoder} is a checkpoint of the hub, which does not answer")
    return f"{profile.encoder}, from the hub or its cache"


def _words(profile: Profile, data: str | None) -> str:
    if find_spec("textattack") is None:
        raise BadInput("attacks need the package textattack, which is not installed")
    source = open_source(data, profile.builtin_data)
    load_resources(profile.resources, source.folder if isinstance(source, FolderSource) else None)
    return profile.resources


def _folder_finding(data: str | None) -> str:
    folder = data or os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return f"none (--data or {FOLDER_VARIABLE})"
    try:
        return str(FolderSource(Path(os.path.expanduser(folder))).folder)
    except BadInput as error:
        return f"unusable: {error}"


def _packages(*names: str) -> str:
    missing = [name for name in names if find_spec(name) is None]
    return f"missing: {', '.join(missing)}" if missing else "installed"
