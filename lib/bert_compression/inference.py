"""What a model answers: logits for every example, in fp32."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from bert_compression.devices import device_for
from bert_compression.errors import Failure
from bert_compression.tasks.batching import Encoded, sorted_batches


def predict_logits(
    model: nn.Module,
    examples: Encoded,
    batch_size: int = 32,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Logits of every example, float32 (examples, classes), in the order of the examples.

    Give `batch_size` 1 for a model whose answers depend on its batch (`compression.answers_alone`). Raises
    Failure when a logit is not finite.
    """
    device = device_for(model)
    model.to(device).eval()
    logits = None
    done = 0
    with torch.inference_mode():
        for indices in sorted_batches(examples.lengths, batch_size):
            batch = {name: tensor.to(device) for name, tensor in examples.batch(indices).items()}
            answers = model(**batch).logits.float().cpu().numpy()
            if logits is None:
                logits = np.empty((len(examples), answers.shape[1]), dtype=np.float32)
            logits[indices] = answers
            done += len(indices)
            if progress:
                progress(done, len(examples))
    model.to("cpu")
    if not np.isfinite(logits).all():
        raise Failure("the model answers with logits that are not finite: its training went wrong")
    return logits


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities in float64, (examples, classes): loyalty near 1 needs the digits that float32 lacks."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    return exponentials / exponentials.sum(axis=1, keepdims=True)
