"""A job: what is to be computed, named by a digest, so that the same thing is never computed twice.

*Identity* says what was asked: kind, parameters, and the identities of the input jobs. The *key* adds what
the answer rests on besides: the version of the kind, the data, the encoder, the word resources. A record is
fresh when its key is the one that the job has today.
"""

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path

from bert_compression import tasks
from bert_compression.attacks import resources_digest
from bert_compression.errors import BadInput
from bert_compression.experiments.kinds import KINDS
from bert_compression.models import encoder_digest
from bert_compression.tasks import Examples, Source, get_task, load_examples


@dataclass(frozen=True, eq=False)
class Job:
    """One unit of work. `kind` is one of `kinds.KINDS`; `params` are plain values; `inputs` are the jobs
    whose results it reads. `method` names the model that the job makes or looks at, and `step` is its own
    step in the chain that makes it; both are labels, and no part of the identity."""

    kind: str
    params: dict
    inputs: dict[str, "Job"] = field(default_factory=dict)
    method: str = ""
    step: str = ""

    @cached_property
    def identity(self) -> str:
        """sha256 of what was asked."""
        inputs = {name: job.identity for name, job in self.inputs.items()}
        return digest({"kind": self.kind, "params": self.params, "inputs": inputs})

    @property
    def seed(self) -> int:
        return self.params["seed"]

    @property
    def task(self) -> str:
        return self.params["task"]

    def named(self, method: str) -> "Job":
        """The same job under the name of a method."""
        return replace(self, method=method)

    @property
    def title(self) -> str:
        """What a line of progress calls it."""
        return f"{self.kind} of {self.method}, seed {self.seed}"

    @property
    def chain(self) -> str:
        """All steps that make the model, from the pretrained encoder on."""
        return " | ".join(self._steps(to_name=False))

    def __str__(self) -> str:
        """The steps that make the model, from the nearest model with a name on: "teacher | truncate |
        distill". For a job that makes no model, its title."""
        return " | ".join(self._steps(to_name=True)) if self.step else self.title

    def _steps(self, to_name: bool) -> list[str]:
        model = self.inputs.get("model")
        if model is None:
            return [self.step]
        if to_name and "|" not in model.method:
            return [model.method, *filter(None, [self.step])]
        return [*model._steps(to_name), *filter(None, [self.step])]


def in_order(jobs: Iterable[Job]) -> list[Job]:
    """The jobs and all that they need, each once, inputs before what reads them."""
    ordered: dict[str, Job] = {}

    def visit(job: Job) -> None:
        if job.identity not in ordered:
            for needed in job.inputs.values():
                visit(needed)
            ordered[job.identity] = job

    for job in jobs:
        visit(job)
    return list(ordered.values())


class Resolver:
    """Gives jobs their keys, for one data source; reads each split once.

    `kept` is a file that keeps the digests of examples from one session to the next, so that only a split
    whose files have changed is read to find a key.
    """

    def __init__(self, source: Source, kept: Path | None = None):
        self.source = source
        self._kept = kept
        self._splits: dict[tuple[str, str], Examples] = {}
        self._examples: dict[tuple, Examples] = {}
        self._data: dict[tuple, tuple[str, int]] = {}
        self._keys: dict[str, str] = {}

    def examples(self, job: Job) -> Examples | None:
        """The examples that the job reads, or None for a job that reads none."""
        if "split" not in job.params:
            return None
        wanted = (job.task, job.params["split"], job.params["size"])
        if wanted not in self._examples:
            name, split, size = wanted
            task = get_task(name)
            self._examples[wanted] = load_examples(self.source, task, split, size, self._splits)
        return self._examples[wanted]

    def data(self, job: Job) -> tuple[str, int] | None:
        """What names the examples that the job reads, and how many they are: their digest, or, where the
        source vouches for its splits, its word for them, so that nothing is read."""
        if "split" not in job.params:
            return None
        wanted = (job.task, job.params["split"], job.params["size"])
        if wanted not in self._data:
            self._data[wanted] = self._named(job, *wanted)
        return self._data[wanted]

    def _named(self, job: Job, name: str, split: str, size: int | None) -> tuple[str, int]:
        task = get_task(name)
        state = self.source.state(task, split)
        if state and (size is None or 1 <= size <= state[1]):
            return f"{state[0]} {size or 'whole'}", size or state[1]
        stamp = self.source.stamp(task, split) if self._kept else None
        known = digest([_reading_code(), name, split, size, stamp])
        if stamp and known in self._digests:
            return self._digests[known]
        examples = self.examples(job)
        if stamp:
            self._digests[known] = examples.digest, len(examples)
            self._keep_digests()
        return examples.digest, len(examples)

    def key(self, job: Job) -> str:
        """The job's key. Raises BadInput when its data cannot be had."""
        if job.identity not in self._keys:
            if job.kind not in KINDS:
                raise BadInput(f"unknown kind {job.kind!r}: choose one of {', '.join(KINDS)}")
            data, task = self.data(job), get_task(job.task)
            self._keys[job.identity] = job_key(
                job.identity,
                KINDS[job.kind].version,
                data[0] if data else None,
                [task.columns, task.labels, task.attacked],
                self._resources(job),
                encoder_digest(job.params["encoder"]),
                {name: self.key(needed) for name, needed in job.inputs.items()},
            )
        return self._keys[job.identity]

    @cached_property
    def _digests(self) -> dict[str, tuple[str, int]]:
        try:
            found = json.loads(self._kept.read_text(encoding="utf-8"))
            return {name: (str(told), int(rows)) for name, (told, rows) in found.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}  # none yet, or cut short

    def _keep_digests(self) -> None:
        with suppress(OSError):  # where nothing can be written, the next session reads again
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            self._kept.write_text(json.dumps(self._digests), encoding="utf-8")

    def _resources(self, job: Job) -> str | None:
        """The digest of the files that an attack's word resources are read from."""
        if "resources" not in job.params:
            return None
        return resources_digest(job.params["resources"], getattr(self.source, "folder", None))


def job_key(
    identity: str,
    version: int,
    data: str | None,
    task: list,
    resources: str | None,
    encoder: str | None,
    inputs: dict[str, str],
) -> str:
    """The key of a job: the digest of its identity and of all that its result rests on."""
    return digest(
        {
            "identity": identity,
            "version": version,
            "data": data,
            "task": task,
            "resources": resources,
            "encoder": encoder,
            "inputs": inputs,
        }
    )


@cache
def _reading_code() -> str:
    """The digest of the code that reads and checks examples: other code may make others of the same files."""
    paths = sorted(Path(tasks.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def digest(value: object) -> str:
    """sha256 of the value's canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
