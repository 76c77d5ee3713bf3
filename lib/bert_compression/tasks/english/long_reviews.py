"""Reviews of several sentences, in the form of IMDB's. Book: data/built_in_english.

A long review judges more than once, always to the same effect, and tells in between what judges nothing. So
no single word carries the label: to turn a model round, an attack has to find several places in a text most
of which do not matter.
"""

from random import Random

from bert_compression.tasks.english import language
from bert_compression.tasks.english.lexicon import CONCEPTS

RARE = 0.02  # how often a rare synonym stands where one could, as in the other built-in tasks
WORDS = (40, 90)  # with its marks; the built-in BERT reads 128 tokens
JUDGEMENTS = 3


def long_review(rng: Random) -> dict[str, str | int]:
    """One row of a task like IMDB: a `text` of 40 to 90 words and its `label`, praise (1) or blame (0), each
    as likely as the other.

    Three judgements of the label's polarity, each a sentence of `language.sample_review` with all that turns
    or concedes something, stand among remarks without polarity. The label is true by construction: it is the
    polarity of every judgement.
    """
    label = rng.randrange(2)
    least, most = WORDS
    while True:
        judgements = [language.sample_review(rng, 1 if label else -1) for _ in range(JUDGEMENTS)]
        sentences = [_worded(language.review_pattern(judgement, rng), rng) for judgement in judgements]
        wanted = rng.randint(least, most - 20)
        while _length(sentences) < wanted:
            sentences.append(_worded([*language.clause_pattern(sample_remark(rng), rng), "."], rng))
        if _length(sentences) <= most:
            rng.shuffle(sentences)
            return {"text": " ".join(sentences), "label": label}


def sample_remark(rng: Random) -> language.Clause:
    """A statement that judges nothing: somebody discussed the plot, perhaps often, perhaps in the garden."""
    return language.Clause(
        agent=language.sample_thing(rng, "viewer"),
        relation=rng.choice(CONCEPTS["discuss"]),
        patient=language.sample_thing(rng, "work", "maker"),
        adverb=rng.choice(CONCEPTS["frequency"]) if rng.random() < 0.3 else None,
        setting=rng.choice(CONCEPTS[rng.choice(("place", "time"))]) if rng.random() < 0.5 else None,
    )


def _worded(pattern: language.Pattern, rng: Random) -> str:
    return language.wording(pattern, rng, RARE)


def _length(sentences: list[str]) -> int:
    return sum(len(sentence.split()) for sentence in sentences)
