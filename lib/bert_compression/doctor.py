"""What does this machine offer: versions, hardware, and which sources of data, models and words answer?"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from importlib.util import find_spec

import psutil
from huggingface_hub import try_to_load_from_cache

import bert_compression as package
from bert_compression.attacks.resources import load_resources
from bert_compression.compression.storage import WEIGHTS
from bert_compression.devices import hub_answers
from bert_compression.errors import BadInput, Failure, expanded, one_line
from bert_compression.experiments import Profile, get_profile, in_order
from bert_compression.experiments.environment import hardware, project_root, versions
from bert_compression.models import BUILTIN, encoder_digest
from bert_compression.papers import get_tables
from bert_compression.tasks.catalogue import Task, get_task
from bert_compression.tasks.sources import FOLDER_VARIABLE, FolderSource, Source, load_examples, open_source
from bert_compression.workshop import real_models, small_models

KERNEL_SECONDS = 30  # for its cell, which imports the package


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


READY = "workshop: ready"
WORKSHOP_GIB = {"free_memory": 2, "free_disk": 1}  # a notebook holds 0.7 GiB; the store grows by 10 MiB
MISSING = "missing: "


def examine_workshop() -> dict[str, str]:
    """Can a learner do the workshop on this machine? Findings as of `examine`; "verdict" is READY, or tells
    what is missing. Makes the small models where the store does not have them."""
    free = {
        "free_memory": psutil.virtual_memory().available,
        "free_disk": shutil.disk_usage(project_root()).free,
    }
    findings = {
        "packages": _packages("textattack", "ipykernel", "nbclient", "nbformat"),
        "builtin_bert": _told(lambda: f"{BUILTIN}, {encoder_digest(BUILTIN)[:12]}"),
        "prepared": _told(_prepared),
        **{what: _enough(size / 2**30, WORKSHOP_GIB[what]) for what, size in free.items()},
        "notebook_kernel": _told(_kernel),
        "editor": _told(_editor),
    }
    missing = [name.replace("_", " ") for name, told in findings.items() if told.startswith(MISSING)]
    return {**findings, "verdict": f"workshop: lacks {', '.join(missing)}" if missing else READY}


def _told(look: Callable[[], str]) -> str:
    try:
        return look()
    except (BadInput, Failure) as error:
        return f"{MISSING}{error}"


def _enough(gib: float, needed: float) -> str:
    return f"{MISSING}{gib:.1f} GiB of {needed}" if gib < needed else f"{gib:.1f} GiB"


def _prepared() -> str:
    start = time.perf_counter()
    answers, models = real_models(), small_models()
    took = time.perf_counter() - start
    return f"answers of {len(answers.answers)} real models, {len(models) - 1} small models, in {took:.0f} s"


def _editor() -> str:
    """What can open a notebook here? Of VS Code, only its command can be seen."""
    packages = [name for name in ("jupyterlab", "notebook") if find_spec(name)]
    commands = [name for name in ("code", "codium") if shutil.which(name)]
    if not packages + commands:
        raise Failure("`pip install jupyterlab`; a VS Code without its command `code` is not seen from here")
    return ", ".join(packages + commands)


def _kernel() -> str:
    """Does a notebook's kernel start, and does it find this very package?"""
    import nbformat
    from nbclient import NotebookClient

    start = time.perf_counter()
    asked = f"import bert_compression as b; assert b.__file__ == {package.__file__!r}, 'it has ' + b.__file__"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(asked)])
    try:
        NotebookClient(notebook, timeout=KERNEL_SECONDS).execute(stderr=subprocess.DEVNULL)
    except Exception as error:  # of nbclient, of the kernel's own files, of its sockets
        told = getattr(error, "evalue", "") or one_line(error)  # a cell's own error has its text there
        raise Failure(f"no kernel with this package: {told}") from error
    return f"starts in {time.perf_counter() - start:.1f} s"


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
        return str(FolderSource(expanded(folder)).folder)
    except BadInput as error:
        return f"unusable: {error}"


def _packages(*names: str) -> str:
    missing = [name for name in names if find_spec(name) is None]
    return f"missing: {', '.join(missing)}" if missing else "installed"
