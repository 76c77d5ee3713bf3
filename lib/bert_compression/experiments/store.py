"""What has been computed: a folder a job, with its record and its artifacts.

A job's folder is filled under a temporary name and renamed when it is whole, so that a kill leaves nothing
half-written. Every artifact's digest stands in the record and is checked before the artifact is read. Several
processes, and hosts, can share a store: who works on a job holds its lock, which ends with the process.
"""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from bert_compression.compression.storage import file_sha256
from bert_compression.errors import BadInput
from bert_compression.experiments.environment import STORE_VARIABLE
from bert_compression.experiments.records import decode, encode, is_sound
from bert_compression.tasks import Examples

# By what became of the job: a failure lies where no tool that goes by file names takes it for a result.
RECORDS = {"ok": "record.json", "failed": "failed.json"}
LOCKS = "locks"
PARTIAL = "partial-"
KEEPING = "keeping"  # the name of the lock of who takes a result into the store

# errno of a disk or a folder that takes nothing, or has another thing in the place.
UNWRITABLE = (
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR,
    errno.EEXIST, errno.EISDIR, errno.ENOTEMPTY, errno.ELOOP, errno.ENAMETOOLONG,
)  # fmt: skip


class Store:
    """Results by key. `notices` collects what was found damaged and dropped, one line each."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.notices: list[str] = []

    def record(self, key: str) -> dict | None:
        """The record of that key, or None. A record that cannot be read, or is another job's, is dropped."""
        for status, name in RECORDS.items():
            try:
                record = json.loads((self._folder(key) / name).read_text(encoding="utf-8"))
                if is_sound(record) and (record["key"], record.get("status")) == (key, status):
                    return record
            except FileNotFoundError:
                continue
            except (ValueError, OSError):
                pass
            self._drop(key, "its record is damaged, another job's or of an earlier layout")
            return None
        return None

    def result(self, key: str) -> Path:
        """The file that is there when the job has been done: its record."""
        return self._folder(key) / RECORDS["ok"]

    def sound(self, key: str) -> bool:
        """Has the job been done, and are all its artifacts what they were? Damaged ones are dropped."""
        record = self.record(key)
        if record is None or record["status"] != "ok":
            return False
        for name, digest in record["artifacts"].items():
            path = self._folder(key) / name
            if not path.is_file() or file_sha256(path) != digest:
                self._drop(key, f"its artifact {name} is missing or has been changed")
                return False
        if "predictions" in record.get("per_example", ()) and self._gold_of(record["data"]["digest"]) is None:
            self._drop(key, "the labels that its predictions are compared with are missing or damaged")
            return False
        return True

    def artifacts(self, key: str) -> Path:
        """The folder of a job that has been done."""
        return self._folder(key)

    def claim(self, name: str, seconds: float = -1) -> AbstractContextManager:
        """The lock of a job; waits while another process holds it, or as long as that: then filelock's
        Timeout. A process that ends, however it does, holds none."""
        with self.writing():
            make_folder(self.folder / LOCKS)
            return FileLock(self.folder / LOCKS / f"{name}.lock", timeout=seconds)

    @contextmanager
    def workspace(self, key: str) -> Iterator[Path]:
        """An empty folder for a job at work, which is claimed meanwhile; the folder is gone afterwards unless
        `keep` has taken it over."""
        with self.writing(), self.claim(key):
            self.sweep()
            folder = self.folder / f"{PARTIAL}{key}"
            shutil.rmtree(folder, ignore_errors=True)
            try:
                folder.mkdir(parents=True)
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def keep(self, key: str, folder: Path, record: dict) -> dict:
        """Complete `record` with the digests of the artifacts in `folder`, take both into the store, and
        return the record that is there now: a failure does not take the place of a result."""
        with self.writing(), self.claim(KEEPING):
            if record["status"] != "ok" and self.sound(key):
                return self.record(key)
            record = {**record, "artifacts": file_digests(folder)}
            write_atomically(folder / RECORDS[record["status"]], json.dumps(record, indent=1, sort_keys=True))
            place = self._folder(key)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(place, ignore_errors=True)
            folder.rename(place)
        return record

    def keep_gold(self, task: str, split: str, examples: Examples) -> None:
        """Keep the labels of examples that predictions are compared with: once, by the examples' digest."""
        if self._gold_of(examples.digest) is None:
            path = self._gold(examples.digest)
            told = {"data": examples.digest, "task": task, "split": split}
            with self.writing():
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(
                    path, json.dumps({**told, "labels": encode(np.array(examples.labels))}, sort_keys=True)
                )

    def gold_line(self, digest: str) -> str:
        """The labels of examples as one line of JSON. Raises BadInput where they were not kept, or are
        damaged."""
        told = self._gold_of(digest)
        if told is None:
            raise BadInput(f"the store has no gold labels of the examples {digest[:12]}: run their job again")
        return json.dumps(told, sort_keys=True)

    def gold(self) -> dict[str, np.ndarray]:
        """All gold labels that were kept, (examples,), by the digest of the examples."""
        found = (self._gold_of(path.stem) for path in sorted((self.folder / "gold").glob("*.json")))
        return {told["data"]: decode(told["labels"]) for told in found if told is not None}

    def records(self) -> list[dict]:
        """All records there are, in no particular order."""
        found = (self.record(key) for key in self.keys())
        return [record for record in found if record is not None]

    def keys(self) -> list[str]:
        """The keys of all jobs that have a record, sorted. Other processes may add to them and drop some
        meanwhile."""
        found: list[str] = []
        for part in _listed(self.folder):
            if len(part.name) == 2:
                found += (
                    each.name
                    for each in _listed(part)
                    if any((each / name).is_file() for name in RECORDS.values())
                )
        return sorted(found)

    def sweep(self) -> None:
        """Remove what killed runs have left: folders of jobs that nobody holds."""
        for path in self.folder.glob(f"{PARTIAL}*"):
            with suppress(Timeout), self.claim(path.name.removeprefix(PARTIAL), seconds=0):
                shutil.rmtree(path, ignore_errors=True)

    def writing(self) -> AbstractContextManager[None]:
        """Around what writes into the store: BadInput for a disk that is full or read-only."""
        return readable_disk_errors(self.folder, f", or name another folder with {STORE_VARIABLE}")

    def _gold(self, digest: str) -> Path:
        return self.folder / "gold" / f"{digest}.json"

    def _gold_of(self, digest: str) -> dict | None:
        """What was kept of the labels of examples; None where nothing is. A damaged file is dropped."""
        try:
            told = json.loads(self._gold(digest).read_bytes())
            if told["data"] == digest and len(decode(told["labels"])):
                return told
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            pass
        with self.writing():
            self._gold(digest).unlink(missing_ok=True)
        return None

    def _folder(self, key: str) -> Path:
        return self.folder / key[:2] / key

    def _drop(self, key: str, why: str) -> None:
        with self.writing(), suppress(FileNotFoundError):  # another process has dropped it
            shutil.rmtree(self._folder(key))
        self.notices.append(f"job {key[:12]} will be computed again: {why}")


def make_folder(folder: Path) -> None:
    """Make a folder, if it is not there, with those that it is in."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileNotFoundError as error:  # where no folder can be, such as in /proc
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), error.filename) from error


@contextmanager
def readable_disk_errors(place: Path, otherwise: str = "") -> Iterator[None]:
    """A disk that is full or read-only is told in one line."""
    try:
        yield
    except OSError as error:
        if error.errno in UNWRITABLE:
            cure = f"free some space, or make it writable{otherwise}"
            name = _in_the_way(Path(str(error.filename2 or error.filename or place)))
            # What cannot be made because it is there is in the place of a folder.
            why = os.strerror(errno.ENOTDIR) if error.errno == errno.EEXIST else error.strerror
            raise BadInput(f"{name} cannot be written to ({why}): {cure}") from error
        raise


def _in_the_way(path: Path) -> Path:
    """Of a path that leads through something other than a folder, that; else the path."""
    return next(
        (each for each in reversed(path.parents) if os.path.lexists(each) and not each.is_dir()), path
    )


def _listed(folder: Path) -> list[Path]:
    """What is in a folder, which may be gone."""
    try:
        return [Path(entry.path) for entry in os.scandir(folder)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def file_digests(folder: Path) -> dict[str, str]:
    """The sha256 of each file of the folder, by its name."""
    return {path.name: file_sha256(path) for path in sorted(folder.iterdir())}


def write_atomically(path: Path, text: str) -> None:
    """Write a whole file or none: under a temporary name first, then renamed."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
