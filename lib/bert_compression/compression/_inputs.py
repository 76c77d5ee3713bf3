"""Which parts of a batch the model itself takes."""

import torch

NAMES = ("input_ids", "token_type_ids", "attention_mask")


def model_inputs(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The model's keyword arguments: the batch without labels and without what objectives need besides."""
    return {name: batch[name] for name in NAMES}
