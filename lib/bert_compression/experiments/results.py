"""The committed records: results/<profile>/<paper>.jsonl, one line a job, appended as jobs are done.

A later line about the same job counts instead of an earlier one, which stays: what was read from it can be
followed to its end. So it is where a job of the same key was run once more and gave other numbers, as the
training of a quantized model may on another machine. Gold labels stand once a split in gold.jsonl.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from filelock import FileLock

from bert_compression.errors import BadInput
from bert_compression.experiments.environment import project_root
from bert_compression.experiments.kinds import KINDS
from bert_compression.experiments.records import decode, is_sound, per_example
from bert_compression.experiments.store import Store, readable_disk_errors

GOLD = "gold.jsonl"
LOCK = ".lock"  # of who publishes
SECONDS_TO_WRITE = 10  # what a process that publishes takes at most
ROUNDING = 1e-4  # by how much a number may differ and count as the same
EARLIER_LAYOUT = "records.jsonl"


class MeasuredOtherwise(BadInput):
    """Records that cannot be published beside committed ones, which rest on other numbers of the same job."""


class Results:
    """A profile's committed records and gold labels, read once. Raises BadInput for a file that is damaged,
    or of an earlier layout."""

    def __init__(self, profile: str):
        self.folder = project_root() / "results" / profile
        earlier = self.folder / EARLIER_LAYOUT
        if earlier.is_file():
            raise BadInput(
                f"{earlier} is of an earlier layout, which this version does not read: delete it; "
                f"the committed records are in results/{profile}/<paper>.jsonl"
            )
        self._read()

    def _read(self) -> None:
        """Read the records that are there now."""
        self._seen = self._files()
        paths = sorted(path for path in self._seen if path.name != GOLD)
        self._lines = [record for path in paths for record in _sound_records(*self._seen[path])]
        self._paper = {
            record["key"]: path.stem for path in paths for record in _sound_records(*self._seen[path])
        }
        for found in ("records", "gold"):
            self.__dict__.pop(found, None)

    def _files(self) -> dict[Path, tuple[Path, int, int]]:
        """The state of each file, which tells whether another process has written to it."""
        return {path: _state(path) for path in self.folder.glob("*.jsonl")}

    @cached_property
    def records(self) -> list[dict]:
        """The latest record of each job. Each says in `stale` whether its kind, or that of an input, has had
        another version since."""
        by_key = {record["key"]: record for record in self._lines}
        stale: dict[str, bool] = {}

        def is_stale(key: str) -> bool:
            if key not in stale:
                record = by_key.get(key)
                stale[key] = (
                    record is None
                    or record["kind"] not in KINDS
                    or record["version"] != KINDS[record["kind"]].version
                    or any(is_stale(needed) for needed in record["inputs"].values())
                )
            return stale[key]

        latest = {record["identity"]: record for record in self._lines}
        return [{**record, "stale": is_stale(record["key"])} for record in latest.values()]

    def of_others(self, own: Iterable[Mapping]) -> list[dict]:
        """The latest record of each job that is none of these, which a run may have published."""
        known = {record["digest"] for record in own}
        return list({r["identity"]: r for r in self._lines if r["digest"] not in known}.values())

    @cached_property
    def gold(self) -> dict[str, np.ndarray]:
        """Gold labels, (examples,), by the digest of the examples."""
        path, found = self.folder / GOLD, {}
        for number, line in enumerate(_lines(path), start=1):
            try:
                told = json.loads(line)
                found[told["data"]] = decode(told["labels"])
            except (ValueError, KeyError, TypeError) as error:
                raise BadInput(
                    f"{path}, line {number} is damaged: restore the file from version control"
                ) from error
        return found

    def add(self, paper: str, records: Iterable[Mapping], store: Store) -> None:
        """Append records to those of a paper, with the gold labels that belong to them.

        A record that is there already is not written again, and a failed one only where nothing better is
        there; what another process has published meanwhile counts as there. An input whose answers are there,
        and others in the store, is written again, with all that rests on it.

        Raises BadInput for a record one of whose inputs is neither there nor among `records`: nobody could
        follow its number to the end; and, when all others are written, MeasuredOtherwise where the store
        lacks a part of what would have to be written again.
        """
        with readable_disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with _lock(self.folder):
                if self._files() != self._seen:
                    self._read()
                refused = self._add(paper, records, store)
                self._seen = self._files()
        if refused:
            raise refused

    def _add(self, paper: str, records: Iterable[Mapping], store: Store) -> MeasuredOtherwise | None:
        there = {record["key"]: record for record in self._lines}
        done = {record["identity"] for record in self._lines}
        new: dict[str, Mapping] = {}
        again: dict[str, Mapping] = {}
        refused: dict[str, MeasuredOtherwise] = {}
        for record in records:
            key, inputs = record["key"], record["inputs"]
            if key in there or (record["status"] != "ok" and record["identity"] in done):
                continue
            for name, needed in inputs.items():
                if not any(needed in known for known in (there, new, refused)):
                    raise BadInput(
                        f"the {record['kind']} of {record['method']} cannot be published: the record of its "
                        f"input {name!r} ({needed[:12]}) is neither committed nor published with it"
                    )
            if waiting := [refused[needed] for needed in inputs.values() if needed in refused]:
                refused[key] = waiting[0]
                continue
            try:
                again |= _measured_otherwise(inputs.values(), there, store)
                new[key] = record
            except MeasuredOtherwise as error:
                refused[key] = error
        known = [(self._paper[key], record) for key, record in again.items()]
        self._write([*known, *((paper, record) for record in new.values())], store)
        return next(iter(refused.values()), None)

    def _write(self, records: Sequence[tuple[str, Mapping]], store: Store) -> None:
        """Append records, each to those of its paper."""
        gold = {}
        for _, record in records:
            if "predictions" in record["per_example"] and record["data"]["digest"] not in self.gold:
                gold[record["data"]["digest"]] = store.gold_line(record["data"]["digest"])
        # Labels first: without them a record could not be read.
        _append(self.folder / GOLD, gold.values())
        self.gold.update({digest: decode(json.loads(line)["labels"]) for digest, line in gold.items()})
        lines: dict[str, list[dict]] = {}
        for paper, record in records:
            line = {name: value for name, value in record.items() if name not in ("artifacts", "stale")}
            lines.setdefault(paper, []).append(line)
        for paper, written in lines.items():
            _append(self.folder / f"{paper}.jsonl", [json.dumps(line, sort_keys=True) for line in written])
            self._lines += written
            self._paper |= {line["key"]: paper for line in written}
        self.__dict__.pop("records", None)


def _measured_otherwise(
    inputs: Iterable[str], there: Mapping[str, Mapping], store: Store
) -> dict[str, Mapping]:
    """The records that must be written again so that something new may rest on these inputs, by key: those
    whose answers are others in the store than `there`, what they were made of, if its numbers are others as
    well, and whatever rests on one of these. Raises MeasuredOtherwise where the store lacks one."""

    def here(key: str) -> Mapping | None:
        record = store.record(key)
        return record if record and record["status"] == "ok" else None

    def anew(keys: Iterable[str]) -> dict[str, Mapping]:
        own = {key: here(key) for key in keys if key in there}
        return {
            key: record for key, record in own.items() if record and not _same_numbers(there[key], record)
        }

    found: dict[str, Mapping] = {}
    waiting = anew(key for key in inputs if key in there and there[key]["per_example"])
    while waiting:
        key, own = waiting.popitem()
        found[key] = own
        resting = [record for record in there.values() if key in record["inputs"].values()]
        for rests in resting:
            if here(rests["key"]) is None:
                raise MeasuredOtherwise(
                    f"the {own['kind']} of {own['method']}, seed {own['seed']}, gave other numbers here "
                    f"than before, and the committed {rests['kind']} of {rests['method']} rests on "
                    "those: measure that here as well, with --fresh"
                )
        waiting |= anew({*own["inputs"].values(), *(record["key"] for record in resting)} - found.keys())
    return dict(sorted(found.items(), key=lambda pair: pair[1]["created"]))  # inputs first


def _same_numbers(one: Mapping, other: Mapping) -> bool:
    """Do two records of a job tell the same, but for what another machine rounds otherwise?"""
    if one["per_example"].keys() != other["per_example"].keys():
        return False
    for name in one["per_example"]:
        first, second = per_example(one, name), per_example(other, name)
        if first.shape != second.shape or not np.allclose(first, second, rtol=0, atol=ROUNDING):
            return False
    first, second = one["metrics"], other["metrics"]
    return first.keys() == second.keys() and all(
        np.isclose(first[name], second[name], rtol=ROUNDING, atol=ROUNDING, equal_nan=True) for name in first
    )


def _state(path: Path) -> tuple[Path, int, int]:
    return path, path.stat().st_size, path.stat().st_mtime_ns


@lru_cache(maxsize=16)
def _sound_records(path: Path, size: int, time: int) -> tuple[dict, ...]:
    """All records of a file in that state, each checked."""
    records = []
    for number, line in enumerate(_lines(path), start=1):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not (_as_written(line, record) or is_sound(record)):
            raise BadInput(
                f"{path}, line {number} is no record, or one that has been changed: "
                "restore the file from version control"
            )
        records.append(record)
    return tuple(records)


def _as_written(line: bytes, record: object) -> bool:
    """Is the line what `add` has written, by its digest? The line less its digest is what was sealed, so that
    no record need be written out again to check it."""
    told = record.get("digest") if isinstance(record, dict) and "key" in record else None
    sealed = line.replace(f'"digest": "{told}", '.encode(), b"", 1)
    return hashlib.sha256(sealed).hexdigest() == told


def _lines(path: Path) -> list[bytes]:
    """All lines; one that has no end yet, because another process is writing it, is waited for."""
    content = path.read_bytes() if path.is_file() else b""
    if content and not content.endswith(b"\n"):
        with suppress(OSError), _lock(path.parent).acquire(SECONDS_TO_WRITE):
            content = path.read_bytes()
    return content.splitlines()


def _lock(folder: Path) -> FileLock:
    """The lock of who publishes; who holds it may take it again."""
    return FileLock(folder / LOCK, is_singleton=True)


def _append(path: Path, lines: Iterable[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    if text:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
