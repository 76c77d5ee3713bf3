"""The committed records: results/<profile>/records.jsonl, one line a job, in a fixed order so that a change
shows as the lines that changed."""

import json
from pathlib import Path

from bert_compression.errors import BadInput
from bert_compression.experiments.job import code_digest
from bert_compression.experiments.kinds import KINDS
from bert_compression.experiments.places import results_file
from bert_compression.experiments.store import readable_disk_errors, write_atomically


def committed_records(profile: str) -> list[dict]:
    """The profile's committed records, [] when there are none. Each says whether it was measured with
    `earlier_code` than the library's of today, its inputs' code included."""
    return _marked(_read(results_file(profile)))


def publish(profile: str, records: list[dict]) -> Path:
    """Merge records into the profile's committed file: one a job (the latest), failed ones only where nothing
    better is there."""
    path = results_file(profile)
    kept = {record["identity"]: record for record in _read(path)}
    for record in records:
        if record["status"] == "ok" or record["identity"] not in kept:
            kept[record["identity"]] = {
                k: v for k, v in record.items() if k not in ("artifacts", "earlier_code")
            }
    ordered = sorted(
        kept.values(),
        key=lambda r: (r["task"], r["method"], r["seed"], KINDS.index(r["kind"]), r["identity"]),
    )
    with readable_disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, "".join(json.dumps(record, sort_keys=True) + "\n" for record in ordered))
    return path


def _read(path: Path) -> list[dict]:
    if not path.is_file():
        return []
    records = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        try:
            records.append(json.loads(line))
        except ValueError as error:
            raise BadInput(
                f"{path}, line {number} is no JSON record: restore the file from version control"
            ) from error
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
                or record["code"] != code_digest(record["kind"])
                or any(is_earlier(needed) for needed in record["inputs"].values())
            )
        return earlier[key]

    return [{**record, "earlier_code": is_earlier(record["key"])} for record in records]
