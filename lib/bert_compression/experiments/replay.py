"""Does today's code give the numbers that earlier code gave? Jobs of the store are run again and compared.

Each kind of job is replayed by itself, on what its inputs left in the store, so that a changed step is seen
where it is and not in all that follows. What takes time is compared in everything but time.
"""

import importlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bert_compression.errors import BadInput
from bert_compression.experiments.code import code_digest, code_name, read_replays
from bert_compression.experiments.environment import threads
from bert_compression.experiments.estimate import job_of, mode_of
from bert_compression.experiments.job import Job, Resolver
from bert_compression.experiments.kinds import KINDS
from bert_compression.experiments.kinds.base import Work
from bert_compression.experiments.places import replays_file
from bert_compression.experiments.store import Store, file_digests, readable_disk_errors, write_atomically
from bert_compression.tasks.catalogue import get_task
from bert_compression.tasks.sources import open_source

TIMES = ("speedup", "milliseconds")  # metrics that begin so are never the same twice


@dataclass(frozen=True)
class Replay:
    """A record of earlier code, and the names of what came out otherwise: none where all is the same."""

    record: dict
    differs: tuple[str, ...]


def to_replay(store: Store) -> dict[str, list[dict]]:
    """By kind whose code has changed: of its records with the code before, the last of others than today's,
    the cheapest of each variety, in whatever profile. None where the store no longer has what they read."""
    records = [record for record in store.records() if record["status"] == "ok"]
    by_key = {record["key"]: record for record in records}
    chosen = {}
    for kind in KINDS:
        name = code_name(kind)
        of_kind = [record for record in records if record["kind"] == kind and record["code"] != name]
        last = max(of_kind, key=lambda record: record["created"], default=None)
        if last is None or name != code_digest(kind):  # nothing to compare with, or done before
            continue
        cheapest: dict[tuple, dict] = {}
        for record in sorted(of_kind, key=lambda record: -record["seconds"]):
            if record["code"] == last["code"] and all(store.sound(key) for key in record["inputs"].values()):
                cheapest[_variety(job_of(record, by_key))] = record
        chosen[kind] = sorted(cheapest.values(), key=lambda record: record["seconds"])
    return chosen


def replay(records: list[dict], store: Store, data: str | Path | None) -> Iterator[Replay]:
    """Run the jobs of the records again, on what their inputs left in the store.

    Raises BadInput when the examples that a record was made from are not at hand.
    """
    builtin, real = Resolver(open_source(None, builtin=True)), Resolver(open_source(data, builtin=False))
    for record in records:
        resolver = real if record["data"] and record["data"]["source"] != "builtin" else builtin
        examples = resolver.examples(Job(record["kind"], record["params"]))
        if examples and examples.digest != record["data"]["digest"]:
            raise BadInput(f"the examples of {record['task']} are others than those of {record['key'][:12]}")
        module = importlib.import_module(f"bert_compression.experiments.kinds.{record['kind']}")
        with store.workspace(f"{record['key']}-replay") as folder, threads(record["hardware"]["threads"]):
            work = Work(
                params=record["params"],
                task=get_task(record["task"]),
                inputs={name: store.artifacts(key) for name, key in record["inputs"].items()},
                folder=folder,
                examples=examples,
                data_folder=getattr(resolver.source, "folder", None),
                progress=lambda done, total: None,
            )
            outcome = module.run(work)
            found = {**vars(outcome), "artifacts": file_digests(folder)}
        # As they come back from a record: tuples as lists.
        yield Replay(record, _differences(record, json.loads(json.dumps(found))))


def vouch(replays: list[Replay]) -> None:
    """Note that today's code of the kind gives the numbers of the code that these records were made with."""
    kind, earlier = replays[0].record["kind"], replays[0].record["code"]
    line = {
        "kind": kind,
        "code": code_digest(kind),
        "same_as": earlier,
        "replayed": sorted(f"{r.record['profile']}: {r.record['method']}" for r in replays),
    }
    path, lines = replays_file(), [*read_replays(), line]
    with readable_disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, "".join(json.dumps(each, sort_keys=True) + "\n" for each in lines))
    code_name.cache_clear()


def _variety(job: Job) -> tuple:
    """Jobs of one variety take the same ways through the code, in models and on texts of any size."""
    named = (job.params.get(name) for name in ("precision", "resources", "recipe", "loss"))
    return mode_of(job), frozenset(job.params), *named


def _differences(record: dict, found: dict) -> tuple[str, ...]:
    differing = []
    for part, values in found.items():
        for name in sorted(values.keys() | record[part].keys()):
            if not name.startswith(TIMES) and values.get(name) != record[part].get(name):
                differing.append(name)
    return tuple(differing)
