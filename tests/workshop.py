"""A place to run single jobs in, each once, on examples of a test's own."""

from pathlib import Path

from bert_compression.experiments import Job, Resolver, Store, in_order
from bert_compression.experiments.run import run_job
from bert_compression.tasks.sources import Source


class Workshop:
    """Gives the records of jobs and the folders that they leave."""

    def __init__(self, source: Source, folder: Path):
        self.resolver, self.store = Resolver(source), Store(folder)

    def record(self, job: Job) -> dict:
        for needed in in_order([job]):
            record = run_job(needed, self.resolver, self.store, "smoke", lambda done, total: None)
        return record

    def place(self, job: Job) -> Path:
        record = self.record(job)
        assert record["status"] == "ok", record["error"]
        return self.store.artifacts(self.resolver.key(job))
