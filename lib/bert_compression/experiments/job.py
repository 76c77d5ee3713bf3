"""A job: what is to be computed, named by a digest, so that the same thing is never computed twice.

*Identity* says what was asked: kind, parameters, and the identities of the input jobs. The *key* adds what
the answer rests on besides: the code that the kind runs through and the data that it reads. A record is
fresh when its key is the one that the job has today.
"""

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property

from bert_compression.attacks.resources import resources_digest
from bert_compression.experiments.code import code_name
from bert_compression.models import encoder_digest
from bert_compression.tasks.catalogue import get_task
from bert_compression.tasks.examples import Examples
from bert_compression.tasks.sources import Source, load_examples


@dataclass(frozen=True, eq=False)
class Job:
    """One unit of work. `kind` names a module of experiments/kinds; `params` are plain values; `inputs` are
    the jobs whose results it reads; `method` labels it in records and tables and is no part of its name."""

    kind: str
    params: dict
    inputs: dict[str, "Job"] = field(default_factory=dict)
    method: str = ""

    @cached_property
    def identity(self) -> str:
        inputs = {name: job.identity for name, job in self.inputs.items()}
        return digest({"kind": self.kind, "params": self.params, "inputs": inputs})

    @property
    def seed(self) -> int:
        return self.params["seed"]

    def __str__(self) -> str:
        return f"{self.kind} of {self.method}, seed {self.seed}"


class Resolver:
    """Gives jobs their keys, for one data source; reads each split once."""

    def __init__(self, source: Source):
        self.source = source
        self._examples: dict[tuple, Examples] = {}
        self._keys: dict[str, str] = {}

    def examples(self, job: Job) -> Examples | None:
        """The examples that the job reads, or None for a job that reads none."""
        if "split" not in job.params:
            return None
        wanted = (job.params["task"], job.params["split"], job.params["size"])
        if wanted not in self._examples:
            name, split, size = wanted
            self._examples[wanted] = load_examples(self.source, get_task(name), split, size)
        return self._examples[wanted]

    def key(self, job: Job) -> str:
        """The job's key. Raises BadInput when its data cannot be had."""
        if job.identity not in self._keys:
            examples, task = self.examples(job), get_task(job.params["task"])
            self._keys[job.identity] = digest(
                {
                    "identity": job.identity,
                    "code": code_name(job.kind),
                    "data": examples.digest if examples else None,
                    "task": [task.columns, task.labels, task.attacked],
                    "resources": self._resources(job),
                    "encoder": encoder_digest(job.params["encoder"]),
                    "inputs": {name: self.key(needed) for name, needed in job.inputs.items()},
                }
            )
        return self._keys[job.identity]

    def _resources(self, job: Job) -> str | None:
        """The digest of the files that an attack's word resources are read from."""
        if "resources" not in job.params:
            return None
        return resources_digest(job.params["resources"], getattr(self.source, "folder", None))


def digest(value: object) -> str:
    """sha256 of the value's canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
