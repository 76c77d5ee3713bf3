"""One bar for a whole run: jobs done, and the time left as the plan predicts it and the clock corrects it."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

from bert_compression.experiments.job import Job


class Progress:
    """Shows a bar on a terminal, a line a job elsewhere, nothing when quiet. Writes to standard error.

    `seconds` holds the predicted duration of each job by identity; the time left is what the jobs not yet
    done are predicted to take, scaled by how the done ones compared with their prediction.
    """

    def __init__(self, jobs: list[Job], seconds: dict[str, float], quiet: bool):
        self.jobs, self.seconds, self.quiet = jobs, seconds, quiet
        self.done, self.predicted, self.taken = 0, 0.0, 0.0
        self.bar = None
        if jobs and not quiet and sys.stderr.isatty():
            self.bar = tqdm(
                total=sum(seconds.values()) or 1.0,
                bar_format="{percentage:3.0f}% |{bar:24}| {desc}",
                leave=False,
            )

    @contextmanager
    def job(self, job: Job) -> Iterator[Callable[[int, int], None]]:
        """Around one job: yields its progress callback (done, total)."""
        share, start = self.seconds.get(job.identity, 0.0), time.perf_counter()
        self._show(job, 0.0, 0.0)

        def report(done: int, total: int) -> None:
            self._show(job, share * done / max(total, 1), time.perf_counter() - start)

        yield report
        seconds = time.perf_counter() - start
        self.done, self.predicted, self.taken = self.done + 1, self.predicted + share, self.taken + seconds
        if self.bar is None:
            self.note(f"[{self.done}/{len(self.jobs)}] {job}: {seconds:.1f} s, {self._left(0.0, 0.0)} left")

    def note(self, line: str) -> None:
        """One line that stays."""
        if not self.quiet:
            tqdm.write(line, file=sys.stderr)

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.close()

    def _show(self, job: Job, predicted: float, taken: float) -> None:
        if self.bar is not None:
            self.bar.n = min(self.predicted + predicted, self.bar.total)
            left = self._left(predicted, taken)
            self.bar.set_description_str(f"{self.done + 1}/{len(self.jobs)} {job}, {left} left")

    def _left(self, predicted: float, taken: float) -> str:
        done = self.predicted + predicted
        left = max(sum(self.seconds.values()) - done, 0.0)
        pace = (self.taken + taken) / done if done > 0.05 * sum(self.seconds.values()) else 1.0
        return duration(left * pace)


def duration(seconds: float) -> str:
    """A length of time as people say it: 45 s, 12 min, 3.4 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
