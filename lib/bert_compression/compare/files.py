"""What lies in the files of a model, or in memory: bytes, types of numbers, digests."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from bert_compression.compression.storage import CONFIG, WEIGHTS, file_sha256
from bert_compression.errors import BadInput, one_line


def cached_folder(name: str) -> Path | None:
    """Where the hub's cache keeps the model that has just been loaded."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, CONFIG)
    return Path(found).parent if isinstance(found, str) else None


def weight_files(folder: Path) -> list[Path]:
    """The file of the weights, or where they are shared out, all of them."""
    whole = folder / WEIGHTS
    if whole.is_file():
        return [whole]
    try:
        shares = json.loads((folder / f"{WEIGHTS}.index.json").read_text(encoding="utf-8"))["weight_map"]
        return [folder / name for name in sorted(set(shares.values()))]
    except (OSError, ValueError, KeyError, AttributeError):  # such as of a model that is in no cache
        return []


def digest(files: Sequence[Path]) -> str | None:
    """sha256 of a file; of several, that of their digests."""
    if len(files) == 1:
        return file_sha256(files[0])
    sha = hashlib.sha256()
    for path in files:
        sha.update(file_sha256(path).encode())
    return sha.hexdigest() if files else None


def file_facts(files: Sequence[Path]) -> dict[str, object]:
    """Bytes, digest, and how many numbers of each type the weight files hold."""
    kinds: Counter[str] = Counter()
    for path in files:
        try:
            with safe_open(path, "pt") as file:
                for name in file.keys():  # noqa: SIM118 (no mapping)
                    part = file.get_slice(name)
                    kinds[part.get_dtype()] += int(np.prod(part.get_shape()))
        except (OSError, SafetensorError) as error:
            raise BadInput(f"{path} cannot be read: {one_line(error)}") from error
    size = sum(path.stat().st_size for path in files) if files else None
    return {"bytes": size, "stored_types": dict(kinds), "sha256": digest(files)}


def tensor_facts(model: nn.Module) -> dict[str, object]:
    """The same of a model that lies in no file."""
    kinds: Counter[str] = Counter()
    sha, size = hashlib.sha256(), 0
    for name, tensor in sorted(model.state_dict().items()):
        if isinstance(tensor, torch.Tensor):
            kinds[str(tensor.dtype).removeprefix("torch.")] += tensor.numel()
            size += tensor.numel() * tensor.element_size()
            sha.update(
                name.encode()
                + tensor.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy().tobytes()
            )
    return {"bytes": size, "stored_types": dict(kinds), "sha256": sha.hexdigest()}
