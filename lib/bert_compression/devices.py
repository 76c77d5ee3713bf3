"""What this machine offers: where a model runs, what that place is good at, and whether a hub is in reach."""

import os
from functools import lru_cache
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import torch

PATIENCE = 3.0  # seconds that a hub has for an answer


def best_device() -> torch.device:
    """The GPU where there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_for(model: torch.nn.Module) -> torch.device:
    """The best device that the model runs on: the processor where its layers are real int8 ones."""
    integer = torch.ao.nn.quantized.dynamic.Linear
    has_integers = any(isinstance(module, integer) for module in model.modules())
    return torch.device("cpu") if has_integers else best_device()


def has_bf16() -> bool:
    """Can this machine multiply bf16 matrices in hardware, so that half precision pays?"""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


@lru_cache
def hub_answers() -> bool:
    """Is there a hub within reach, at the address and port that HF_ENDPOINT may name, and does it speak HTTP?
    Asked once a process, for at most `PATIENCE` seconds."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        with urlopen(Request(constants.ENDPOINT, method="HEAD"), timeout=PATIENCE):
            return True
    except HTTPError as error:
        return error.code < 500  # what it refuses to a stranger it may have for a name
    except (OSError, HTTPException, ValueError):  # nobody there, silence, nonsense, no address
        return False


def use_hub_or_cache() -> None:
    """Where no hub answers, have its libraries look in their cache only: asking costs a minute a file."""
    if not hub_answers():
        os.environ["HF_HUB_OFFLINE"] = "1"
        import huggingface_hub.constants

        huggingface_hub.constants.HF_HUB_OFFLINE = True
