"""Jobs where a Parsl configuration says: the same records as in this process, and no job is lost."""

import os
import re
from pathlib import Path

import pytest
import tiny_profile

from bert_compression import cli
from bert_compression.errors import BadInput
from bert_compression.experiments import Grid, Job, Resolver, Store, get_profile, steps
from bert_compression.experiments.cluster import read_config, run_with_parsl
from bert_compression.experiments.progress import Progress
from bert_compression.experiments.run import run_serially
from bert_compression.tasks import get_task
from bert_compression.tasks.sources import BuiltinSource

parsl = pytest.importorskip("parsl")
PAGE = Path(__file__).parents[2] / "book" / "about" / "many_machines.md"
LOCAL = """
from parsl.config import Config
from parsl.executors import ThreadPoolExecutor
config = Config(executors=[ThreadPoolExecutor(max_threads=2)], initialize_logging=False)
"""
MACHINE = {"seconds", "peak_memory_mib", "created", "hardware", "digest"}


@pytest.fixture
def local(house):
    """A file with a configuration that runs jobs in threads of this process."""
    path = house / "local.py"
    path.write_text(LOCAL)
    return path


def two_processes():
    from parsl.config import Config
    from parsl.executors import HighThroughputExecutor
    from parsl.providers import LocalProvider

    executor = HighThroughputExecutor(
        max_workers_per_node=2,
        encrypted=False,
        loopback_address="127.0.0.1",
        address="127.0.0.1",
        provider=LocalProvider(init_blocks=1, max_blocks=1),
    )
    return Config(executors=[executor], initialize_logging=False, strategy="none")


def told(records):
    """The records without what is of the machine, by identity."""
    return {r["identity"]: {name: value for name, value in r.items() if name not in MACHINE} for r in records}


def test_parsl_gives_the_records_of_a_serial_run(toys, house, local):
    serial = tiny_profile.session().run(quiet=True)
    os.rename(house / "store", house / "another store")
    parallel = tiny_profile.session().run(quiet=True, parsl_config=read_config(local))
    assert told(parallel) == told(serial) and len(told(serial)) == len(serial)
    assert len(toys.ran) == 2 * len(serial)


def real_jobs() -> list[Job]:
    grid = Grid(get_profile("smoke"), get_task("sst2"), 0)
    model = steps.pretrained(grid)
    halves = [steps.reduce_layers(grid, model, keep=keep) for keep in ([0, 1], [2, 3])]
    return [model, *halves, *(steps.quantize(grid, half, "dynamic", decay=0.9) for half in halves)]


def test_two_worker_processes_give_the_records_of_a_serial_run(house):
    jobs, found = real_jobs(), {}
    for name, engine in (
        ("one", lambda *place: run_serially(*place)),
        ("two", lambda *place: run_with_parsl(*place, 1, two_processes())),
    ):
        store = Store(house / name)
        place = (jobs, Resolver(BuiltinSource()), store, "smoke", Progress(jobs, {}, quiet=True))
        found[name] = [record for _, record in engine(*place)]
    assert [record["error"] for record in found["two"]] == [None] * len(jobs)
    assert told(found["one"]) == told(found["two"])


def test_a_job_that_fails_takes_along_what_would_have_read_it_and_nothing_else(toys, house, local):
    def fails(work):
        raise ValueError("no")

    toys.before["distill"] = fails
    records = tiny_profile.session().run(quiet=True, parsl_config=read_config(local))
    failed = [record for record in records if record["status"] == "failed"]
    assert {record["error"].split(":")[0] for record in failed} == {"ValueError", "its input failed"}
    assert len(failed) < len(records)


def test_the_command_runs_where_the_file_says(toys, house, local, capsys):
    assert cli.main(["run", "--table", "table_3", "--parsl", str(local), "--quiet"]) == 0
    assert len(toys.ran) == 39


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file .*: give a Python file with"),
        ("x = 1", "has no `config` that is a parsl.config.Config"),
        ("config = 3", "has no `config` that is a parsl.config.Config"),
        ("config = nothing", "stopped with NameError: name 'nothing' is not defined"),
        ("config = (", "stopped with SyntaxError"),
    ],
)
def test_a_file_without_a_configuration_is_refused(tmp_path, content, message):
    path = tmp_path / "config.py"
    if content is not None:
        path.write_text(content)
    with pytest.raises(BadInput, match=message):
        read_config(path)


def test_the_examples_of_the_page_are_configurations(tmp_path):
    examples = re.findall(r"```python\n(from parsl.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(examples) == 3
    for number, example in enumerate(examples):
        path = tmp_path / f"{number}.py"
        path.write_text(example)
        assert read_config(path).executors
