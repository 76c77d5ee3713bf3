"""A small generated English whose meaning is known by construction. Book: data/built_in_english.

Three layers, each ignorant of the one above it:

1. the lexicon (`lexicon`): concepts, each a set of synonyms with a part of speech and a polarity;
2. meanings: `Thing`, `Clause` and `Review` say who did what and how it is judged, in concepts;
3. rendering: a meaning becomes a pattern of function words and concepts (active or passive, "but" or
   "although"), and a pattern becomes text when every concept is given one of its words.

Whatever is asked about a text (is it praise? do two texts agree?) is answered from its meaning, so that
exchanging a word for another of its set can never change the answer. A new task adds meanings and their
rendering, as `statements` does; the lexicon, `Thing` and `wording` serve all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from bert_compression.smoke.lexicon import (
    CONCEPT_OF,
    CONCEPTS,
    FUNCTION_WORDS,
    Concept,
    part_of_speech,
    polarity,
    synonyms,
)

__all__ = [
    "CONCEPTS",
    "CONCEPT_OF",
    "FUNCTION_WORDS",
    "JUDGEMENTS",
    "RARE",
    "Clause",
    "Concept",
    "Review",
    "Thing",
    "clause_pattern",
    "long_review",
    "part_of_speech",
    "polarity",
    "review_pattern",
    "rewording",
    "sample_clause",
    "sample_remark",
    "sample_review",
    "sample_thing",
    "setting_pattern",
    "synonyms",
    "thing_pattern",
    "wording",
]

RARE = 0.02  # how often a rare synonym stands where one could, see words.LEXICON; in all built-in tasks

# ---------------------------------------------------------------------------------------------- meanings


@dataclass(frozen=True)
class Thing:
    """Somebody or something, perhaps with a quality: (famous, actor), (awful, script)."""

    noun: Concept
    quality: Concept | None = None


@dataclass(frozen=True)
class Clause:
    """One statement: an act of an agent upon a patient, or a state of the agent alone.

    `relation` is a verb where there is a patient, else the adjective or noun that the agent is said to be.
    An agent None is the speaker.
    """

    agent: Thing | None
    relation: Concept
    patient: Thing | None = None
    negated: bool = False
    adverb: Concept | None = None  # of degree or of frequency
    setting: Concept | None = None  # a place or a time

    @property
    def polarity(self) -> int:
        """1 for praise, -1 for blame. A negation turns it round, whatever the adverb."""
        return -self.relation.polarity if self.negated else self.relation.polarity


@dataclass(frozen=True)
class Review:
    """A judgement, and what is conceded on the way to it: a statement or a thing that speaks against it."""

    main: Clause
    concession: Clause | Thing | None = None
    reporter: tuple[Thing, Concept] | None = None  # who says or denies it, and how

    @property
    def polarity(self) -> int:
        """The judgement's, turned round where it is denied: what is conceded does not count."""
        denied = self.reporter and self.reporter[1].group == "deny"
        return -self.main.polarity if denied else self.main.polarity


# --------------------------------------------------------------------------------------------- rendering

Pattern = list[str | Concept]


def _chance(rng: Random, probability: float) -> bool:
    return rng.random() < probability


def thing_pattern(thing: Thing | None, rng: Random) -> Pattern:
    """The thing with its article; "i" or "we" for None, the speaker."""
    if thing is None:
        return [rng.choice(("i", "we"))]
    return ["the", *([thing.quality] if thing.quality else []), thing.noun]


def setting_pattern(setting: Concept | None) -> Pattern:
    """ "in the garden", "during the night", or nothing."""
    return ["in" if setting.group == "place" else "during", "the", setting] if setting else []


def clause_pattern(clause: Clause, rng: Random) -> Pattern:
    """An active or passive sentence without its full stop; the choice changes nothing of the meaning."""
    never = CONCEPTS["negator"][0]
    adverb = [clause.adverb] if clause.adverb else []
    if clause.patient is None:
        negation = [rng.choice(("not", never))] if clause.negated else []
        essence = ["pure"] if clause.relation.part_of_speech == "noun" else []
        pattern = [*thing_pattern(clause.agent, rng), "was", *negation, *adverb, *essence, clause.relation]
    else:
        negation = [never] if clause.negated else []
        verb = [*negation, *adverb, clause.relation]
        if clause.agent and _chance(rng, 0.3):
            verb = ["was", *verb, "by"]
            pattern = [*thing_pattern(clause.patient, rng), *verb, *thing_pattern(clause.agent, rng)]
        else:
            pattern = [*thing_pattern(clause.agent, rng), *verb, *thing_pattern(clause.patient, rng)]
    return pattern + setting_pattern(clause.setting)


def review_pattern(review: Review, rng: Random) -> Pattern:
    """One sentence. A conceded statement may stand before the judgement or behind it."""
    main = clause_pattern(review.main, rng)
    if review.reporter:
        who, how = review.reporter
        main = [*thing_pattern(who, rng), how, "that", *main]
    if review.concession is None:
        return [*main, "."]
    if isinstance(review.concession, Thing):
        conceded = ["despite", *thing_pattern(review.concession, rng)]
        return [*conceded, ",", *main, "."] if _chance(rng, 0.5) else [*main, *conceded, "."]
    conceded = clause_pattern(review.concession, rng)
    although = rng.choice(("although", "though"))
    return rng.choice(
        (
            [*conceded, ",", rng.choice(("but", "yet")), *main, "."],
            [although, *conceded, ",", *main, "."],
            [*main, ",", although, *conceded, "."],
        )
    )


def wording(pattern: Sequence[str | Concept], rng: Random, rare: float = 0.0) -> str:
    """Text with single spaces: every concept gets one of its words, the n-th of its common ones with a
    weight of 1/n, or with the probability `rare` one of its rare ones (if it has any)."""

    return " ".join(part if isinstance(part, str) else _word(part, rng, rare) for part in pattern)


def rewording(pattern: Sequence[str | Concept], beside: str, kept: float, rng: Random, rare: float) -> str:
    """As `wording`, but for a concept that the text `beside` speaks of too: it keeps the text's word with the
    probability `kept`, and else gets another one."""
    known = {CONCEPT_OF[word]: word for word in beside.split() if word in CONCEPT_OF}

    def choose(concept: Concept) -> str:
        if concept in known and _chance(rng, kept):
            return known[concept]
        while (word := _word(concept, rng, rare)) == known.get(concept):
            pass
        return word

    return " ".join(part if isinstance(part, str) else choose(part) for part in pattern)


def _word(concept: Concept, rng: Random, rare: float) -> str:
    if concept.rare and _chance(rng, rare):
        return rng.choice(concept.rare)
    return rng.choices(concept.common, [1 / n for n in range(1, len(concept.common) + 1)])[0]


# ---------------------------------------------------------------------------------------------- sampling


def sample_thing(rng: Random, *groups: str) -> Thing:
    """Something from one of the groups of nouns; a quarter have a quality that praises and blames nothing."""
    quality = rng.choice(CONCEPTS["plain"]) if _chance(rng, 0.25) else None
    return Thing(rng.choice(CONCEPTS[rng.choice(groups)]), quality)


def sample_clause(rng: Random, polarity: int, negated: float) -> Clause:
    """A statement of the asked polarity (1 or -1), negated with the given probability."""
    is_negated = _chance(rng, negated)
    praise = (polarity > 0) != is_negated  # what the relation says before it is negated
    kind = rng.choices(("state", "essence", "judge", "affect", "influence"), (40, 8, 22, 20, 10))[0]

    def relation(if_praise: str, if_blame: str) -> Concept:
        return rng.choice(CONCEPTS[if_praise if praise else if_blame])

    patient = None
    if kind == "state":
        agent, act = sample_thing(rng, "work", "work", "maker"), relation("good", "bad")
    elif kind == "essence":
        agent, act = sample_thing(rng, "work"), relation("treasure", "waste")
    elif kind == "judge":
        agent = None if _chance(rng, 0.4) else sample_thing(rng, "viewer")
        act, patient = relation("like", "dislike"), sample_thing(rng, "work", "maker")
    elif kind == "affect":
        agent, act = sample_thing(rng, "work", "maker"), relation("please", "displease")
        patient = sample_thing(rng, "viewer")
    else:
        agent, act, patient = sample_thing(rng, "work"), relation("help", "harm"), sample_thing(rng, "work")
    adverb = None
    if kind == "state" and _chance(rng, 0.3):
        adverb = rng.choice(CONCEPTS["degree"])
    elif kind != "essence" and not is_negated and _chance(rng, 0.2):
        adverb = rng.choice(CONCEPTS["frequency"])
    setting = rng.choice(CONCEPTS[rng.choice(("place", "time"))]) if _chance(rng, 0.15) else None
    return Clause(agent, act, patient, is_negated, adverb, setting)


def sample_review(
    rng: Random, polarity: int, negated: float = 0.25, contrast: float = 0.45, reported: float = 0.35
) -> Review:
    """A review of the asked polarity (1 or -1).

    Shares: `negated` of all statements; `contrast` of the reviews concede something of the opposite polarity,
    a statement (three times in four) or a thing; `reported` of the judgements are somebody's, who in half
    the cases denies them. Together they keep words from giving the label away.
    """
    reporter, stated = None, polarity
    if _chance(rng, reported):
        denied = _chance(rng, 0.5)
        reporter = (sample_thing(rng, "viewer"), rng.choice(CONCEPTS["deny" if denied else "report"]))
        stated = -polarity if denied else polarity
    main = sample_clause(rng, stated, negated)
    concession: Clause | Thing | None = None
    if _chance(rng, contrast):
        if _chance(rng, 0.75):
            concession = sample_clause(rng, -polarity, negated)
        else:
            quality = rng.choice(CONCEPTS["bad" if polarity > 0 else "good"])
            concession = Thing(rng.choice(CONCEPTS["work"]), quality)
    return Review(main, concession, reporter)


# ------------------------------------------------------------------------------------------- long reviews
#
# A long review judges more than once, always to the same effect, and tells in between what judges nothing. So
# no single word carries the label: to turn a model round, an attack has to find several places in a text most
# of which do not matter.

WORDS = (40, 90)  # with its marks; the built-in BERT reads 128 tokens
JUDGEMENTS = 3


def long_review(rng: Random) -> dict[str, str | int]:
    """One row of a task like IMDB: a `text` of 40 to 90 words and its `label`, praise (1) or blame (0), each
    as likely as the other.

    Three judgements of the label's polarity, each a sentence of `sample_review` with all that turns or
    concedes something, stand among remarks without polarity. The label is true by construction: it is the
    polarity of every judgement.
    """
    label = rng.randrange(2)
    least, most = WORDS
    while True:
        judgements = [sample_review(rng, 1 if label else -1) for _ in range(JUDGEMENTS)]
        sentences = [_worded(review_pattern(judgement, rng), rng) for judgement in judgements]
        wanted = rng.randint(least, most - 20)
        while _length(sentences) < wanted:
            sentences.append(_worded([*clause_pattern(sample_remark(rng), rng), "."], rng))
        if _length(sentences) <= most:
            rng.shuffle(sentences)
            return {"text": " ".join(sentences), "label": label}


def sample_remark(rng: Random) -> Clause:
    """A statement that judges nothing: somebody discussed the plot, perhaps often, perhaps in the garden."""
    return Clause(
        agent=sample_thing(rng, "viewer"),
        relation=rng.choice(CONCEPTS["discuss"]),
        patient=sample_thing(rng, "work", "maker"),
        adverb=rng.choice(CONCEPTS["frequency"]) if rng.random() < 0.3 else None,
        setting=rng.choice(CONCEPTS[rng.choice(("place", "time"))]) if rng.random() < 0.5 else None,
    )


def _worded(pattern: Pattern, rng: Random) -> str:
    return wording(pattern, rng, RARE)


def _length(sentences: list[str]) -> int:
    return sum(len(sentence.split()) for sentence in sentences)
