"""What a model makes of a text: the vectors of [CLS], layer by layer. Book: metrics/representation."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from bert_compression.devices import device_for
from bert_compression.errors import Failure
from bert_compression.tasks.batching import Encoded, sorted_batches


def cls_vectors(
    model: nn.Module,
    examples: Encoded,
    batch_size: int = 32,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """The hidden state of the first token after the embeddings and after each layer, float32 (layers + 1,
    examples, size), in the order of the examples.

    Give `batch_size` 1 for a model whose answers depend on its batch (`compression.answers_alone`). Raises
    Failure when a value is not finite.
    """
    device = device_for(model)
    model.to(device).eval()
    config = model.config
    vectors = np.empty((config.num_hidden_layers + 1, len(examples), config.hidden_size), dtype=np.float32)
    done = 0
    with torch.inference_mode():
        for indices in sorted_batches(examples.lengths, batch_size):
            batch = {name: tensor.to(device) for name, tensor in examples.batch(indices).items()}
            states = model.base_model(**batch, output_hidden_states=True).hidden_states
            vectors[:, indices] = torch.stack([state[:, 0] for state in states]).float().cpu().numpy()
            done += len(indices)
            if progress:
                progress(done, len(examples))
    model.to("cpu")
    if not np.isfinite(vectors).all():
        raise Failure("the model has hidden states that are not finite: its training went wrong")
    return vectors
