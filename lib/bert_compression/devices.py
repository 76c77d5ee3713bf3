"""Where a model runs, and what that place is good at."""

import torch


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
