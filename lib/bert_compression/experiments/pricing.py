"""What would it cost to run the rest of a plan: time on this machine, or hours on a GPU?"""

from dataclasses import asdict, dataclass

from bert_compression.experiments.estimate import ENCODERS, WORDS_SECONDS, on_processor
from bert_compression.experiments.job import Job
from bert_compression.experiments.machines import Machine
from bert_compression.experiments.profiles import Profile
from bert_compression.experiments.progress import duration

# What else the hours rest on.
ASSUMED = (
    "CPU: as fast as this machine's processor; for int8 kernels, pruning, calibration and timing",
    f"attacks: {WORDS_SECONDS['genuine']} s a text for TextFooler's own word resources, never run here",
)


@dataclass(frozen=True)
class Time:
    """On this machine, in that number of processes."""

    seconds: float
    workers: int

    def __str__(self) -> str:
        processes = f", in {self.workers} processes" if self.workers > 1 else ""
        return f"{duration(self.seconds)} on this machine{processes}"

    def data(self) -> dict:
        """The same as plain values."""
        return {"seconds": round(self.seconds, 1), "workers": self.workers}


@dataclass(frozen=True)
class Hours:
    """By kind of job: of a GPU, and of the processor for what leaves the GPU idle, such as int8 kernels."""

    gpu: Machine
    gpu_hours: dict[str, float]
    cpu_hours: dict[str, float]

    def basis(self) -> list[str]:
        """What the hours rest on, line by line."""
        return [f"GPU: {self.gpu.name}, {self.gpu.assumed or 'as fast as measured here'}", *ASSUMED]

    def __str__(self) -> str:
        gpu, cpu = sum(self.gpu_hours.values()), sum(self.cpu_hours.values())
        return f"{gpu:.1f} GPU hours and {cpu:.1f} CPU hours"

    def data(self) -> dict:
        """The same as plain values."""
        return {
            "gpu": asdict(self.gpu),
            "gpu_hours": sum(self.gpu_hours.values()),
            "cpu_hours": sum(self.cpu_hours.values()),
            "gpu_hours_by_kind": self.gpu_hours,
            "cpu_hours_by_kind": self.cpu_hours,
            "basis": self.basis(),
        }


def hours(jobs: list[Job], seconds: dict[str, float], gpu: Machine) -> Hours:
    """The predicted seconds of the jobs added up by kind and by where they run."""
    by_kind: dict[bool, dict[str, float]] = {False: {}, True: {}}
    for job in jobs:
        there = by_kind[on_processor(job)]
        there[job.kind] = there.get(job.kind, 0.0) + seconds[job.identity] / 3600
    return Hours(gpu, by_kind[False], by_kind[True])


def wants_gpu(profile: Profile) -> bool:
    """Is the profile's encoder too large for a processor: BERT-base or larger?"""
    return ENCODERS[profile.encoder][0] >= ENCODERS["bert-base-uncased"][0]
