"""The store keeps whole results or none, and believes nothing that has been damaged."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace

import pytest
from filelock import Timeout

from bert_compression.errors import BadInput
from bert_compression.experiments.records import sealed
from bert_compression.experiments.store import LOCKS, Store, readable_disk_errors, write_atomically

ONE, TWO, THREE, FOUR = (digit * 64 for digit in "1234")
AGAIN = "job 111111111111 will be computed again"


@pytest.fixture
def store(tmp_path):
    """A store with two jobs' results."""
    store = Store(tmp_path / "store")
    for key in (ONE, TWO):
        with store.workspace(key) as folder:
            (folder / "model.safetensors").write_bytes(b"weights of " + key.encode())
            store.keep(key, folder, sealed({"key": key, "status": "ok"}))
    return store


def files(store):
    paths = [path for path in store.folder.rglob("*") if path.parent.name != LOCKS]
    return sorted(path.relative_to(store.folder).as_posix() for path in paths if path.is_file())


def test_what_is_kept_is_read_back_and_nothing_else_is_left(store):
    assert store.sound(ONE) and store.sound(TWO)
    assert store.record(ONE)["key"] == ONE
    assert list(store.record(ONE)["artifacts"]) == ["model.safetensors"]
    assert (store.artifacts(ONE) / "model.safetensors").read_bytes() == b"weights of " + ONE.encode()
    assert sorted(record["key"] for record in store.records()) == [ONE, TWO]
    names = ("model.safetensors", "record.json")
    assert files(store) == [f"{key[:2]}/{key}/{name}" for key in (ONE, TWO) for name in names]
    assert store.notices == []


def test_what_was_never_kept_is_not_there(store):
    missing = "3" * 64
    assert (store.record(missing), store.sound(missing), store.notices) == (None, False, [])


def test_a_job_that_raises_leaves_nothing(store):
    before = files(store)
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), store.workspace("3" * 64) as folder:
            (folder / "model.safetensors").write_text("half")
            raise error
    assert files(store) == before
    assert list(store.folder.glob("partial-*")) == []


def test_records_are_read_while_other_processes_work_and_clean_up(store):
    """Their folders vanish between being seen and being looked into."""
    done = Event()

    def come_and_go():
        while not done.is_set():
            with store.workspace("3" * 64):
                pass

    worker = Thread(target=come_and_go)
    worker.start()
    try:
        assert all(len(store.records()) == 2 for _ in range(300))
    finally:
        done.set()
        worker.join()


def damage(path, how):
    if how == "flipped":
        content = bytearray(path.read_bytes())
        content[5] ^= 1
        path.write_bytes(content)
    else:
        path.unlink()


@pytest.mark.parametrize("how", ["flipped", "missing"])
def test_a_damaged_artifact_is_dropped_with_one_line_and_its_neighbour_stays(store, how):
    damage(store.artifacts(ONE) / "model.safetensors", how)
    assert not store.sound(ONE)
    assert store.notices == [f"{AGAIN}: its artifact model.safetensors is missing or has been changed"]
    assert not store.artifacts(ONE).exists()
    assert store.sound(TWO)
    assert not store.sound(ONE) and len(store.notices) == 1  # said once


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "",
        "[]",
        "3",
        "{}",
        '"key"',
        b"\xff\xfe",
        json.dumps(sealed({"key": TWO})),
        json.dumps({"key": ONE, "status": "ok"}),
        json.dumps(sealed({"key": ONE, "status": "failed"})),
    ],
)
def test_a_record_that_is_damaged_or_another_jobs_is_dropped_with_one_line(store, content):
    path = store.artifacts(ONE) / "record.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert store.record(ONE) is None
    assert store.notices == [f"{AGAIN}: its record is damaged, another job's or of an earlier layout"]
    assert not store.artifacts(ONE).exists()
    assert store.sound(TWO)


def test_a_copy_of_another_jobs_folder_is_dropped(store):
    shutil.rmtree(store.artifacts(ONE))
    shutil.copytree(store.artifacts(TWO), store.artifacts(ONE))
    assert not store.sound(ONE)
    assert store.notices == [f"{AGAIN}: its record is damaged, another job's or of an earlier layout"]
    assert store.sound(TWO)


def test_a_failed_job_can_be_read_but_is_not_done(store):
    with store.workspace(THREE) as folder:
        kept = store.keep(THREE, folder, sealed({"key": THREE, "status": "failed"}))
    assert store.record(THREE) == kept == {**sealed({"key": THREE, "status": "failed"}), "artifacts": {}}
    assert not store.sound(THREE)
    assert store.notices == []
    assert files(store)[-1] == f"33/{THREE}/failed.json"
    assert not store.result(THREE).exists() and store.result(ONE).is_file()
    assert store.keys() == [ONE, TWO, THREE]


def test_a_failure_does_not_take_the_place_of_a_result_but_a_result_that_of_a_failure(store):
    for key, status in ((ONE, "failed"), (THREE, "failed"), (THREE, "ok")):
        with store.workspace(key) as folder:
            kept = store.keep(key, folder, sealed({"key": key, "status": status}))
        assert kept == store.record(key)
    assert store.sound(ONE) and store.sound(THREE)
    damage(store.artifacts(ONE) / "model.safetensors", "flipped")
    with store.workspace(ONE) as folder:
        store.keep(ONE, folder, sealed({"key": ONE, "status": "failed"}))
    assert store.record(ONE)["status"] == "failed"  # what was there was no result any more


HOLD = """
import sys
from pathlib import Path
from bert_compression.experiments import Store
with Store(Path(sys.argv[1])).workspace(sys.argv[2]) as folder:
    (folder / "half").write_text("of it")
    print("at work", flush=True)
    sys.stdin.read()
"""


def at_work(store, key):
    """A process that has a job in work until its standard input ends."""
    command = [sys.executable, "-c", HOLD, str(store.folder), key]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "at work\n"
    return process


def test_what_killed_runs_left_is_swept_and_what_others_work_on_is_not(store):
    living, dead = at_work(store, THREE), at_work(store, FOUR)
    dead.kill()
    dead.wait()
    left = [path.name for path in store.folder.glob("partial-*")]
    assert sorted(left) == [f"partial-{THREE}", f"partial-{FOUR}"]
    assert sorted(record["key"] for record in store.records()) == [ONE, TWO]  # neither is read
    with store.workspace("5" * 64):
        left = [path.name for path in store.folder.glob("partial-*")]
        assert sorted(left) == [f"partial-{THREE}", f"partial-{'5' * 64}"]
    living.communicate()
    assert list(store.folder.glob("partial-*")) == []


def test_a_job_that_another_process_has_in_work_is_waited_for(store):
    other = at_work(store, THREE)
    with pytest.raises(Timeout), store.claim(THREE, seconds=0.2):
        pass
    with store.claim(FOUR, seconds=0.2):  # another job is free
        pass
    other.kill()
    with store.workspace(THREE) as folder:
        assert list(folder.iterdir()) == []


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "records.jsonl"
    write_atomically(path, "old")
    write_atomically(path, "new")
    assert path.read_text() == "new"

    def full(self, text, encoding):
        self.write_bytes(b"ha")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError):
        write_atomically(path, "half")
    assert path.read_text() == "new"
    assert [each.name for each in tmp_path.iterdir()] == ["records.jsonl"]


def test_a_store_that_cannot_be_written_to_is_told_in_one_line(tmp_path):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "dead").symlink_to("nowhere")
    for name in ("file", "dead"):
        with pytest.raises(BadInput) as refused, Store(tmp_path / name).workspace(ONE):
            pass
        assert str(refused.value) == (
            f"{tmp_path / name} cannot be written to (Not a directory): free some space, or make it "
            "writable, or name another folder with BERT_COMPRESSION_STORE"
        )


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EFBIG, errno.EIO])
def test_a_disk_that_takes_nothing_is_told_in_one_line(number):
    with pytest.raises(BadInput) as refused, readable_disk_errors(Path("results")):
        raise OSError(number, os.strerror(number))
    cure = "free some space, or make it writable"
    assert str(refused.value) == f"results cannot be written to ({os.strerror(number)}): {cure}"


def test_other_errors_of_the_system_stay_what_they_are():
    with pytest.raises(FileNotFoundError), readable_disk_errors(Path("results")):
        raise FileNotFoundError(errno.ENOENT, "No such file")


def test_keys_are_sorted_in_whatever_order_the_disk_lists_them(store, monkeypatch):
    real = os.scandir
    monkeypatch.setattr("os.scandir", lambda folder: sorted(real(folder), key=lambda e: e.name, reverse=True))
    assert store.keys() == [ONE, TWO]  # in whatever order the disk lists them


def test_gold_labels_under_the_name_of_others_are_dropped(store):
    store.keep_gold("rte", "validation", SimpleNamespace(digest="one", labels=[0, 1]))
    (store.folder / "gold" / "one.json").rename(store.folder / "gold" / "two.json")
    assert store.gold() == {} and not (store.folder / "gold" / "two.json").exists()
