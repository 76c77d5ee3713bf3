"""One bar for a whole run: jobs done, and the time left as the plan predicts it and the clock corrects it."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from tqdm import tqdm

from bert_compression.experiments.job import Job


@dataclass
class _Running:
    """A job at work: since when, and how much of it is done."""

    job: Job
    since: float
    share: float = 0.0


class Progress:
    """Shows a bar on a terminal, a line a job elsewhere, nothing when quiet. Writes to standard error.

    `seconds` holds the predicted duration of each job by identity; the time left is what the jobs not yet
    done are predicted to take, scaled by how the time since the beginning compares with what was predicted
    for that which is done. Until that tells something, `workers` share the jobs evenly.
    """

    def __init__(self, jobs: list[Job], seconds: dict[str, float], quiet: bool, workers: int = 1):
        self.jobs, self.seconds, self.quiet, self.workers = jobs, seconds, quiet, workers
        self.start = time.perf_counter()
        self.done, self.predicted = 0, 0.0
        self.running: dict[str, _Running] = {}
        self.bar = None
        if jobs and not quiet and sys.stderr.isatty():
            self.bar = tqdm(
                total=sum(seconds.values()) or 1.0,
                bar_format="{percentage:3.0f}% |{bar:24}| {desc}",
                leave=False,
            )

    def begun(self, job: Job) -> Callable[[int, int], None]:
        """A job has begun: returns its progress callback (done, total)."""
        running = self.running[job.identity] = _Running(job, time.perf_counter())
        self._show()

        def report(done: int, total: int) -> None:
            running.share = done / max(total, 1)
            self._show()

        return report

    def ended(self, job: Job) -> None:
        """The job has its record."""
        seconds = time.perf_counter() - self.running.pop(job.identity).since
        self.done, self.predicted = self.done + 1, self.predicted + self.seconds.get(job.identity, 0.0)
        if self.bar is None:
            self.note(f"[{self.done}/{len(self.jobs)}] {job.title}: {seconds:.1f} s, {self._left()} left")

    def note(self, line: str) -> None:
        """One line that stays."""
        if not self.quiet:
            tqdm.write(line, file=sys.stderr)

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.close()

    def _show(self) -> None:
        if self.bar is not None:
            self.bar.n = min(self._predicted_of_done(), self.bar.total)
            first, *others = [running.job.title for running in self.running.values()]
            beside = f" and {len(others)} more" if others else ""
            self.bar.set_description_str(
                f"{self.done + 1}/{len(self.jobs)} {first}{beside}, {self._left()} left"
            )

    def _predicted_of_done(self) -> float:
        running = self.running.items()
        return self.predicted + sum(self.seconds.get(name, 0.0) * one.share for name, one in running)

    def _left(self) -> str:
        done, total = self._predicted_of_done(), sum(self.seconds.values())
        elapsed = time.perf_counter() - self.start
        pace = elapsed / done if done > 0.05 * total else 1 / self.workers
        return duration(max(total - done, 0.0) * pace)


def duration(seconds: float) -> str:
    """A length of time as people say it: 45 s, 12 min, 3.4 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
