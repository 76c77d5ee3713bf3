"""Where and on what a job runs: the project, versions, hardware, commit, peak memory."""

import ctypes
import os
import platform
import resource
import subprocess
import sys
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
import torch

from bert_compression.devices import has_bf16
from bert_compression.errors import BadInput, expanded

STORE_VARIABLE = "BERT_COMPRESSION_STORE"
PACKAGES = ("bert-compression", "torch", "transformers", "numpy", "textattack")


def project_root() -> Path:
    """The project that the working directory belongs to, else the one that the package was installed from."""
    here = Path.cwd().resolve()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[3]):
        if (folder / "_config.yml").is_file() and (folder / "lib" / "bert_compression").is_dir():
            return folder
    return here


def store_folder() -> Path:
    """Where runs are kept: BERT_COMPRESSION_STORE, else .store in the project. Raises BadInput for a store in
    the home folder of somebody who is not known."""
    chosen = os.environ.get(STORE_VARIABLE)
    if not chosen:
        return project_root() / ".store"
    folder = expanded(chosen)
    if str(folder).startswith("~"):
        raise BadInput(f"{STORE_VARIABLE} names {chosen}, and no such home folder is known")
    return folder


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on; those not installed are left out."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, object]:
    """Processor, cores, threads in use, memory, GPU, and what they can multiply."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "bf16": has_bf16(),
        "vnni": bool(torch.cpu._is_vnni_supported()),
    }


def commit() -> str | None:
    """The project's commit, with "+" when its library has changed since; None outside a checkout."""
    return _commit(project_root())


@cache
def _commit(root: Path) -> str | None:
    if not (root / "lib" / "bert_compression").is_dir():
        return None  # some other project's commit would say nothing
    try:
        head = _git(root, "rev-parse", "HEAD").strip()
        return head + ("+" if _git(root, "status", "--porcelain", "--", "lib").strip() else "")
    except (OSError, UnicodeDecodeError, subprocess.SubprocessError):
        return None


def cores() -> int:
    """The processor cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def reset_peak_memory() -> None:
    """Start counting the peak anew, where the system allows it (Linux), and without what earlier work left:
    freed memory, of which the C library of Linux keeps gigabytes after a training."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_mib() -> float:
    """The most memory this process has held since the last reset, in MiB."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1024, 1)
    except OSError:
        pass
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20, 1)


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, encoding="utf-8", check=True, timeout=10
    ).stdout


def processor() -> str:
    """The name of the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
