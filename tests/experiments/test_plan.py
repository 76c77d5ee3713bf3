"""Plans: what has to run, in which order, with and without data at hand."""

import json

import pytest
from tiny_profile import session

from bert_compression import cli
from bert_compression.errors import BadInput
from bert_compression.experiments import in_order
from bert_compression.papers import PAPERS
from bert_compression.tasks.sources import FolderSource, HubSource

TABLES = [table.name for table in PAPERS["loyalty"]]


def statuses(plan):
    return {f"{row['kind']} of {row['method']}": row["status"] for row in plan.rows()}


def test_everything_is_to_run_at_first_and_nothing_afterwards(toys):
    before = session()
    assert set(statuses(before.plan).values()) == {"to run"}
    assert len(before.plan.to_run) == 39
    first = before.run(quiet=True)
    after = session()
    assert after.plan.to_run == []
    assert after.seconds() == {}
    assert statuses(after.plan)["attack of kd"] == "there"
    assert set(statuses(after.plan).values()) == {"there"}
    assert after.run(quiet=True) == first


def test_an_input_runs_only_when_something_that_is_missing_reads_it(toys, house):
    session().run(quiet=True)
    more = session(attacked=3).plan
    assert {job.kind for job in more.to_run} == {"attack"}
    for record in house.glob("store/*/*/record.json"):
        if json.loads(record.read_text())["kind"] == "prune_heads":
            record.unlink()
    assert session().plan.to_run == []
    assert statuses(session().plan)["prune_heads of head_prune"] == "not needed"
    assert [job.kind for job in session(attacked=3).plan.to_run if job.method == "head_prune"] == [
        "prune_heads",
        "attack",
    ]


def test_jobs_come_in_the_order_of_the_table_inputs_before_what_reads_them():
    jobs = in_order(session().plan.wanted)
    place = {job.identity: at for at, job in enumerate(jobs)}
    assert len(place) == len(jobs)
    for job in jobs:
        assert all(place[needed.identity] < place[job.identity] for needed in job.inputs.values())
    measured = [job.method for job in jobs if job.kind == "attack"]
    assert list(dict.fromkeys(measured))[:3] == ["teacher", "kd", "head_prune"]


class NoHub(HubSource):
    def load(self, task, split):
        raise BadInput("no hub answers")


def test_a_plan_for_the_paper_is_made_and_priced_without_its_data(house, monkeypatch):
    monkeypatch.setattr("bert_compression.tasks.sources.HubSource", NoHub)
    planned = session("paper")
    assert len(planned.plan.to_run) == len(planned.plan.rows()) == 3 * 39
    priced = planned.seconds()
    assert priced.keys() == {job.identity for job in planned.plan.to_run}
    assert sum(priced.values()) > 3600  # on this processor
    assert sum(planned.cost().gpu_hours.values()) > 1
    with pytest.raises(BadInput):
        planned.run(quiet=True)
    assert list(house.glob("store/**/*.json")) == []


def test_a_whole_paper_runs_what_its_tables_share_once(toys):
    tables = [session(table=name).plan.to_run for name in TABLES]
    whole = session(table=None)
    assert {job.identity for job in whole.plan.to_run} == {job.identity for jobs in tables for job in jobs}
    jobs = len(whole.plan.to_run)
    assert jobs < sum(map(len, tables))
    assert len(whole.run(quiet=True)) == len(toys.ran) == jobs
    for name in TABLES:
        assert session(table=name).plan.to_run == []


def test_a_plan_is_priced_on_the_examples_at_hand(house):
    (job,) = (
        job
        for job in session(table=None).plan.to_run
        if job.kind == "distill_task_agnostic" and job.params["recipe"] == "tinybert"
    )
    seconds = session(table=None).seconds()[job.identity]
    assert (
        job.params["size"] is None and seconds < 60
    )  # of 400 pairs; of the official 392,702 it would be hours


def test_committed_records_stand_in_a_plan_without_data(toys, house, monkeypatch):
    assert cli.main(["run", "--table", "table_3", "--profile", "small", "--quiet"]) == 0
    (house / "store").rename(house / "another store")
    monkeypatch.setattr("bert_compression.tasks.sources.BuiltinSource", NoHub)
    planned = session("small").plan
    assert planned.to_run == []
    assert statuses(planned)["attack of kd"] == "there"


def test_a_folder_that_is_wrong_is_an_error_even_of_a_plan(house, monkeypatch):
    class Wrong(FolderSource):
        name = "folder"

        def load(self, task, split):
            raise BadInput("that is no data")

    (house / "data").mkdir()
    (house / "data" / "file").write_text("")
    monkeypatch.setattr("bert_compression.tasks.sources.FolderSource", Wrong)
    with pytest.raises(BadInput, match=r"^that is no data$"):
        session("paper", data=house / "data")
