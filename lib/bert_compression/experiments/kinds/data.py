"""Kinds that make training data: the examples of a split for a job that reads another, and augmentation."""

import json
from pathlib import Path

from bert_compression.attacks import load_masked_lm, load_resources, masked_word_guesses
from bert_compression.devices import best_device
from bert_compression.errors import BadInput
from bert_compression.experiments.kinds.work import EXAMPLES, Outcome, Work, kind
from bert_compression.models import load_tokenizer
from bert_compression.tasks import Examples, augmented, words_of

GUESSES = 15  # the likeliest words in a place, as in TinyBERT's code


@kind(version=1)
def examples(work: Work) -> Outcome:
    """The examples of a split as an artifact."""
    write_examples(work.examples, work.folder)
    return Outcome({"examples": len(work.examples)})


# A word is guessed in a text that stands twice in the model's input.
@kind(version=1, passes=lambda params, rows: 15 * rows)
def augment(work: Work) -> Outcome:
    """Training examples and their variants, in which words are exchanged for what a masked language model
    guesses in their place, or, for a word of several pieces, for its nearest neighbours."""
    if "language_model" not in work.inputs:
        raise BadInput("augmentation asks a masked language model what fits a place: give it one")
    params = work.params
    model = load_masked_lm(work.inputs["language_model"]).to(best_device())
    tokenizer = load_tokenizer(params["encoder"])
    resources = load_resources(params["resources"], work.data_folder)
    done: dict[str, list[tuple[str, ...]]] = {}
    texts = list(dict.fromkeys(text for example in work.examples.texts for text in example))
    for number, text in enumerate(texts, start=1):
        words = [word.lower() for word in words_of(text)]
        open_places = [word not in resources.stop_words for word in words]
        guesses = masked_word_guesses(model, tokenizer, text, open_places, GUESSES, params["max_length"])
        done[text] = [
            guess or (resources.neighbours(word)[:GUESSES] if is_open else ())
            for word, is_open, guess in zip(words, open_places, guesses, strict=True)
        ]
        work.progress(number, len(texts))
    made = augmented(
        work.examples,
        done.__getitem__,
        params["copies"],
        first_stays_changed=params["first_stays_changed"],
        seed=params["seed"],
    )
    write_examples(made, work.folder)
    return Outcome(
        {"examples": len(made), "originals": len(work.examples), "ratio": len(made) / len(work.examples)}
    )


def write_examples(made: Examples, folder: Path) -> None:
    """Keep examples as an artifact, for `Work.read_examples`."""
    (folder / EXAMPLES).write_text(json.dumps({"texts": made.texts, "labels": made.labels}), encoding="utf-8")
