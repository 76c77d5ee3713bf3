"""Where things lie: the project, its store of runs, its committed results."""

import os
from pathlib import Path

STORE_VARIABLE = "BERT_COMPRESSION_STORE"


def project_root() -> Path:
    """The project that the working directory belongs to, else the one that the package was installed from."""
    here = Path.cwd().resolve()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[3]):
        if (folder / "_config.yml").is_file() and (folder / "lib" / "bert_compression").is_dir():
            return folder
    return here


def store_folder() -> Path:
    """BERT_COMPRESSION_STORE, else .store in the project."""
    return Path(os.environ.get(STORE_VARIABLE) or project_root() / ".store")


def results_file(profile: str) -> Path:
    """The committed records of a profile: one JSON object a line."""
    return project_root() / "results" / profile / "records.jsonl"


def replays_file() -> Path:
    """Which code was seen to give the numbers of which earlier code: one JSON object a line."""
    return project_root() / "results" / "replayed.jsonl"
