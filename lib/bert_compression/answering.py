"""What a model with a span head answers to questions: a stretch of the context, or nothing. Book:
methods/questions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from bert_compression.devices import device_for
from bert_compression.errors import Failure
from bert_compression.tasks.batching import sorted_batches
from bert_compression.tasks.windows import Windows

LONGEST = 30  # tokens of an answer, as in BERT's released code


@dataclass(frozen=True)
class Answers:
    """Of each question the answer ("" for none), and by how much the score of its best span lies above that
    of no answer."""

    texts: list[str]
    margins: list[float]


def answer_questions(
    model: nn.Module,
    windows: Windows,
    contexts: Sequence[str],
    batch_size: int = 32,
    progress: Callable[[int, int], None] | None = None,
) -> Answers:
    """Read every window, and answer each question from the best of its windows.

    A span's score is the logit of its first token as a beginning plus that of its last as an end; that of no
    answer is the score of [CLS], the least over the question's windows. No answer is given where that is not
    less than the best span's (Devlin et al. 2019, section 4.3, with a threshold of 0).

    `contexts` holds one text a question. Raises Failure when a logit is not finite.
    """
    best = np.full(len(contexts), -np.inf)
    nothing = np.full(len(contexts), np.inf)
    texts = [""] * len(contexts)
    spans = _spans(model, windows, batch_size, progress)
    for window, (score, first, last, empty) in sorted(spans):  # of equal spans the first in the text
        question, places = windows.question[window], windows.places[window]
        nothing[question] = min(nothing[question], empty)
        if score > best[question]:
            best[question] = score
            texts[question] = contexts[question][places[first][0] : places[last][1]]
    margins = best - nothing
    return Answers(
        [text if more > 0 else "" for text, more in zip(texts, margins, strict=True)], margins.tolist()
    )


def _spans(model: nn.Module, windows: Windows, batch_size: int, progress: Callable | None):
    """Of each window: its index, and the score, first and last token of its best span, and the score of no
    answer."""
    device = device_for(model)
    model.to(device).eval()
    done = 0
    with torch.inference_mode():
        for indices in sorted_batches(windows.lengths, batch_size):
            batch = {name: tensor.to(device) for name, tensor in windows.batch(indices).items()}
            answers = model(**batch)
            starts, ends = (x.float().cpu().numpy() for x in (answers.start_logits, answers.end_logits))
            if not (np.isfinite(starts).all() and np.isfinite(ends).all()):
                raise Failure("the model answers with logits that are not finite: its training went wrong")
            for window, start, end in zip(indices, starts, ends, strict=True):
                yield window, (*best_span(start, end, windows.places[window]), float(start[0] + end[0]))
            done += len(indices)
            if progress:
                progress(done, len(windows))
    model.to("cpu")


def best_span(
    start: np.ndarray, end: np.ndarray, places: Sequence[tuple[int, int]]
) -> tuple[float, int, int]:
    """The score, first and last token of the best span of at most `LONGEST` tokens of the context.

    `start` and `end` are the logits of a window's tokens, (tokens,) or longer, and `places` tells which of
    these are of the context; there is at least one.
    """
    context = [i for i, (first, last) in enumerate(places) if last > first]
    low, high = context[0], context[-1] + 1  # a stretch without gaps
    scores = start[low:high, None] + end[None, low:high]
    allowed = np.triu(np.ones_like(scores, dtype=bool)) & ~np.triu(np.ones_like(scores, dtype=bool), LONGEST)
    scores = np.where(allowed, scores, -np.inf)
    first, last = np.unravel_index(np.argmax(scores), scores.shape)
    return float(scores[first, last]), low + int(first), low + int(last)
