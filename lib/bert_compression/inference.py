"""What a model answers: logits, spans of a context, vectors of [CLS]; one batch loop. Book:
methods/questions, metrics/representation."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from bert_compression.checks import checked, numbers
from bert_compression.compression import model_inputs
from bert_compression.compression.distillation import told
from bert_compression.devices import device_for
from bert_compression.errors import BadInput, Failure
from bert_compression.models import check_reads
from bert_compression.tasks import Encoded, Windows, sorted_batches

LONGEST = 30  # tokens of an answer, as in BERT's released code

Progress = Callable[[int, int], None]


@checked
def predict_logits(
    model: nn.Module, examples: Encoded, batch_size: int = 32, progress: Progress | None = None
) -> np.ndarray:
    """Logits of every example, float32 (examples, classes), in the order of the examples.

    Give `batch_size` 1 for a model whose answers depend on its batch (`compression.batch_dependent`). Raises
    Failure when a logit is not finite.
    """
    logits = None
    for indices, (answers,) in _batches(
        model, examples, batch_size, progress, lambda batch: told(model, batch, "logits")
    ):
        if logits is None:
            logits = np.empty((len(examples), answers.shape[1]), dtype=np.float32)
        logits[indices] = answers
    return logits


@checked
def cls_vectors(
    model: nn.Module, examples: Encoded, batch_size: int = 32, progress: Progress | None = None
) -> np.ndarray:
    """The hidden state of [CLS] after the embeddings and after each layer, float32 (layers + 1, examples,
    size), in the order of the examples.

    Give `batch_size` 1 for a model whose answers depend on its batch (`compression.batch_dependent`). Raises
    Failure when a value is not finite.
    """

    def states(batch: dict[str, torch.Tensor]) -> list[torch.Tensor]:
        hidden = model.base_model(**model_inputs(model, batch), output_hidden_states=True).hidden_states
        return [torch.stack([state[:, 0] for state in hidden])]

    check_reads(model, examples.ids)
    config = model.config
    vectors = np.empty((config.num_hidden_layers + 1, len(examples), config.hidden_size), dtype=np.float32)
    for indices, (found,) in _batches(model, examples, batch_size, progress, states, "hidden states"):
        vectors[:, indices] = found
    return vectors


@dataclass(frozen=True)
class Answers:
    """Of each question the answer ("" for none), and by how much the score of its best span lies above that
    of no answer (-inf for a context without a token)."""

    texts: list[str]
    margins: list[float]


@checked
def answer_questions(
    model: nn.Module,
    windows: Windows,
    contexts: Sequence[str],
    batch_size: int = 32,
    progress: Progress | None = None,
) -> Answers:
    """Answer each question of extractive QA from the best of its windows.

    A span's score is the logit of its first token as a beginning plus that of its last as an end; that of no
    answer is the score of [CLS], the least over the question's windows. No answer is given where that is not
    less than the best span's (Devlin et al. 2019, section 4.3, with a threshold of 0).

    `contexts` holds one text a question. Raises Failure when a logit is not finite, and BadInput for another
    number of contexts or a model that is no extractive QA model.
    """
    if max(windows.question, default=-1) + 1 != len(contexts):
        asked = max(windows.question, default=-1) + 1
        raise BadInput(
            f"there are {len(contexts)} contexts for {asked} questions: there must be one for each"
        )

    def spans(batch: dict[str, torch.Tensor]) -> list[torch.Tensor]:
        return told(model, batch, "start_logits", "end_logits")

    found = []
    for indices, (starts, ends) in _batches(model, windows, batch_size, progress, spans):
        for window, start, end in zip(indices, starts, ends, strict=True):
            empty = float(start[0] + end[0])
            found.append((window, (*best_span(start, end, windows.places[window]), empty)))
    best = np.full(len(contexts), -np.inf)
    nothing = np.full(len(contexts), np.inf)
    texts = [""] * len(contexts)
    for window, (score, first, last, empty) in sorted(found):  # of equal spans the first in the text
        question, places = windows.question[window], windows.places[window]
        nothing[question] = min(nothing[question], empty)
        if score > best[question]:
            best[question] = score
            texts[question] = contexts[question][places[first][0] : places[last][1]]
    margins = best - nothing
    return Answers(
        [text if more > 0 else "" for text, more in zip(texts, margins, strict=True)], margins.tolist()
    )


def best_span(
    start: np.ndarray, end: np.ndarray, places: Sequence[tuple[int, int]]
) -> tuple[float, int, int]:
    """The score, first and last token of the best span of at most `LONGEST` tokens of the context.

    `start` and `end` are the logits of a window's tokens, (tokens,) or longer, and `places` tells which of
    these are of the context. Where none is, there is no span: (-inf, 0, 0).
    """
    context = [i for i, (first, last) in enumerate(places) if last > first]
    if not context:  # the tokenizer made nothing of it
        return -np.inf, 0, 0
    low, high = context[0], context[-1] + 1  # a stretch without gaps
    scores = start[low:high, None] + end[None, low:high]
    allowed = np.triu(np.ones_like(scores, dtype=bool)) & ~np.triu(np.ones_like(scores, dtype=bool), LONGEST)
    scores = np.where(allowed, scores, -np.inf)
    first, last = np.unravel_index(np.argmax(scores), scores.shape)
    return float(scores[first, last]), low + int(first), low + int(last)


def _batches(
    model: nn.Module,
    examples: Encoded,
    batch_size: int,
    progress: Progress | None,
    ask: Callable[[dict[str, torch.Tensor]], Sequence[torch.Tensor]],
    what: str = "logits",
) -> Iterator[tuple[list[int], list[np.ndarray]]]:
    """The indices of each batch and what the model says of it, in fp32; batches hold texts of like length.

    The model runs in evaluation mode where it runs best, and is back on the processor afterwards. Raises
    Failure for a value that is not finite, and BadInput for texts that the model cannot read.
    """
    check_reads(model, examples.ids)
    device = device_for(model)
    model.to(device).eval()
    done = 0
    with torch.inference_mode():
        for indices in sorted_batches(examples.lengths, batch_size):
            batch = {name: tensor.to(device) for name, tensor in examples.batch(indices).items()}
            said = [tensor.float().cpu().numpy() for tensor in ask(batch)]
            if not all(np.isfinite(each).all() for each in said):
                raise Failure(f"the model has {what} that are not finite: its training went wrong")
            yield indices, said
            done += len(indices)
            if progress:
                progress(done, len(examples))
    model.to("cpu")


@checked
def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities in float64, (examples, classes): loyalty near 1 needs the digits that float32 lacks.

    Raises BadInput for fewer than two classes, of which there is no distribution (a model with a single logit
    answers with a regression target), and for logits that are not finite.
    """
    shifted = numbers(logits, "logits", ("examples", "classes"))
    if shifted.shape[1] < 2:
        raise BadInput(
            "one logit an example is no distribution over classes: it is the answer of a regression task"
        )
    shifted -= shifted.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    return exponentials / exponentials.sum(axis=1, keepdims=True)
