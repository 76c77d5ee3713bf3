"""The committed records: results/<profile>/records.jsonl, one line a job, in a fixed order so that a change
shows as the lines that changed."""

import json
from pathlib import Path

from bert_compression.errors import BadInput
from bert_compression.experiments.code import code_name
from bert_compression.experiments.kinds import KINDS
from bert_compression.experiments.places import results_file
from bert_compression.experiments.store import readable_disk_errors, write_atomically

# What tells a record from any other JSON: without these, nothing can be said of it.
NEEDED = {"key", "identity", "kind", "task", "method", "seed", "inputs", "code", "data", "status"}


def committed_records(profile: str) -> list[dict]:
    """The profile's committed records, [] when there are none. Each says whether it was measured with
    `earlier_code` than the library's of today, its inputs' code included."""
    return _marked(list(_read(results_file(profile)).values()))


def publish(profile: str, records: list[dict]) -> Path:
    """Merge records into the profile's committed file: one a job (the latest), failed ones only where nothing
    better is there."""
    path = results_file(profile)
    kept = _read(path)
    for record in records:
        if record["status"] == "ok" or record["identity"] not in kept:
            kept[record["identity"]] = {
                k: v for k, v in record.items() if k not in ("artifacts", "earlier_code")
            }
    order = {kind: place for place, kind in enumerate(KINDS)}
    ordered = sorted(
        kept.values(),
        key=lambda r: (r["task"], r["method"], r["seed"], order.get(r["kind"], len(order)), r["identity"]),
    )
    with readable_disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, "".join(json.dumps(record, sort_keys=True) + "\n" for record in ordered))
    return path


def _read(path: Path) -> dict[str, dict]:
    """The records of a file by identity; none when there is no file."""
    records = {}
    for number, line in enumerate(path.read_bytes().splitlines() if path.is_file() else (), start=1):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict) or not record.keys() >= NEEDED:
            raise BadInput(f"{path}, line {number} is no record: restore the file from version control")
        records[record["identity"]] = record
    return records


def _marked(records: list[dict]) -> list[dict]:
    by_key = {record["key"]: record for record in records}
    earlier: dict[str, bool] = {}

    def is_earlier(key: str) -> bool:
        if key not in earlier:
            record = by_key.get(key)
            earlier[key] = (
                record is None
                or record["kind"] not in KINDS
                or record["code"] != code_name(record["kind"])
                or any(is_earlier(needed) for needed in record["inputs"].values())
            )
        return earlier[key]

    return [{**record, "earlier_code": is_earlier(record["key"])} for record in records]
