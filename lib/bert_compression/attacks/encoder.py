"""How alike are two sentences? all-MiniLM-L6-v2 in the place of the Universal Sentence Encoder."""

from collections.abc import Sequence

import torch

from bert_compression.devices import best_device
from bert_compression.models import MINILM, encoder_folder, load_tokenizer


class MiniLM:
    """Sentence vectors of all-MiniLM-L6-v2: the mean over tokens of its last layer, at unit length.

    In fp32 everywhere: a similarity that depended on the machine's arithmetic would make the attack depend
    on it too.
    """

    max_length = 128  # tokens; windows of 15 words stay far below

    def __init__(self):
        from transformers import AutoModel

        folder = encoder_folder(MINILM)
        self.tokenizer = load_tokenizer(MINILM)
        self.model = AutoModel.from_pretrained(str(folder), use_safetensors=True).eval().to(best_device())

    def __call__(self, sentences: Sequence[str]) -> torch.Tensor:
        """Unit vectors of the shape (sentences, 384), on the CPU."""
        batch = self.tokenizer(
            list(sentences), padding=True, truncation=True, max_length=self.max_length, return_tensors="pt"
        ).to(self.model.device)
        with torch.inference_mode():
            states = self.model(**batch).last_hidden_state  # (batch, tokens, size)
            weights = batch["attention_mask"].unsqueeze(-1).to(states.dtype)
            means = (states * weights).sum(1) / weights.sum(1)
            return torch.nn.functional.normalize(means, dim=-1).cpu()
