"""Reads generated texts back into meanings, by their words alone, and knows worlds in which they are true."""

import re
from itertools import product
from pathlib import Path
from random import Random

from bert_compression.smoke.language import Thing
from bert_compression.smoke.lexicon import ANTONYM, CONCEPT_OF, CONCEPTS, Concept
from bert_compression.smoke.questions import Question
from bert_compression.smoke.statements import Statement, falls_under, things


def table_of_the_page(project: Path, name: str) -> list[list[str]]:
    """The rows of a table of the book's page on the language: its cells, without the stars around texts."""
    page = (project / "book" / "data" / "built_in_english.md").read_text(encoding="utf-8")
    lines = re.search(rf":name: {name}\n\n\|.*\n\|[-|]*\n((?:\|.*\n)+)", page).group(1).splitlines()
    return [[cell.strip().strip("*") for cell in line.strip("|").split("|")] for line in lines]


def concepts(text: str) -> list:
    """The words with concepts in the place of what carries one, without the mark at the end."""
    return [CONCEPT_OF.get(word, word) for word in text.split()[:-1]]


def read(text: str) -> Statement:
    """The statement that a text makes: a second route, which shares only the lexicon with the first."""
    words, setting = read_setting(concepts(text))
    if "by" in words:  # a passive: the dog was [never] chased by the cat
        was, by = words.index("was"), words.index("by")
        words = [*words[by + 1 :], *words[was + 1 : by], *words[:was]]
    quantifier, negated = "the", False
    if words[0] in ("no", "not"):
        quantifier, negated = ("some", True) if words[0] == "no" else ("every", True)
        words = words[1 if words[0] == "no" else 2 :]
    else:
        quantifier, words = words[0], words[1:]
    assert quantifier in ("the", "some", "every"), text
    subject, words = read_thing(words)
    if words[0] == "was":
        words = words[1:]
    if words[0] == "not" or words[0] == CONCEPTS["negator"][0]:
        assert quantifier == "the" and not negated, text
        negated, words = True, words[1:]
    relation, patient = words[0], None
    if len(words) > 1:
        assert words[1] == "the", text
        patient, rest = read_thing(words[2:])
        assert not rest, text
    return Statement(quantifier, subject, relation, patient, negated, setting)


def read_thing(words: list) -> tuple[Thing, list]:
    quality = words[0] if words[0].part_of_speech == "adjective" else None
    words = words[1:] if quality else words
    assert words[0].part_of_speech == "noun", words
    return Thing(words[0], quality), words[1:]


def read_setting(words: list) -> tuple[list, object]:
    """The words without a place or time at their end, and that."""
    return (words[:-3], words[-1]) if words[-3] in ("in", "during") else (words, None)


def read_question(text: str) -> Question:
    """The question that a text asks: a second route as well."""
    words, setting = read_setting(concepts(text))
    asked = {"where": "place", "when": "time"}.get(words[0], "truth")
    parts = with_things(words if asked == "truth" else words[1:])

    def question(asked: str, subject: Thing, act: Concept, patient: Thing | None = None) -> Question:
        return Question(asked, Statement("the", subject, act, patient, False, setting))

    match parts:
        case ["was", Thing() as subject, Concept() as state]:
            return question(asked, subject, state)
        case ["was", Thing() as patient, Concept() as act, "by", Thing() as subject]:
            return question(asked, subject, act, patient)
        case ["which", Thing() as subject, "was", Concept() as state]:
            return question("subject", subject, state)
        case ["which", Thing() as subject, Concept() as act, Thing() as patient]:
            return question("subject", subject, act, patient)
        case ["which", Thing() as subject, "was", Thing() as patient, Concept() as act, "by"]:
            return question("subject", subject, act, patient)
        case ["which", Thing() as patient, "was", Concept() as act, "by", Thing() as subject]:
            return question("patient", subject, act, patient)
    raise AssertionError(text)


def with_things(words: list) -> list:
    """The words with a thing in the place of "the big dog" and of what stands behind "which"."""
    if not words:
        return []
    if words[0] == "who":
        return ["which", Thing(CONCEPT_OF["person"]), *with_things(words[1:])]
    if words[0] in ("the", "which"):
        thing, rest = read_thing(words[1:])
        return [*(["which"] if words[0] == "which" else []), thing, *with_things(rest)]
    return [words[0], *with_things(words[1:])]


class World:
    """Three individuals of random kinds, and what each of them does or is, and where: all at random."""

    def __init__(self, rng: Random, statements: tuple[Statement, Statement]):
        subjects = [each.subject for each in statements]
        patients = [each.patient for each in statements if each.patient]
        self.nouns = [rng.choice(subjects).noun for _ in range(3)]
        self.qualities = [{each.quality for each in subjects if rng.random() < 0.5} for _ in range(3)]
        # What is "the hen" in one statement is "the bird" in the other, and nothing else is.
        self.patients = {each: each for each in patients}
        if len(patients) == 2 and things(*patients) != "apart":
            self.patients = dict.fromkeys(patients, rng.choice(patients))
        self.same_one = things(*subjects) != "apart" and all(each.quantifier == "the" for each in statements)
        self.the = [0, 0 if self.same_one else 1]
        relations = dict.fromkeys(each.relation for each in statements)
        settings = dict.fromkeys(each.setting for each in statements if each.setting)
        self.facts: dict[tuple, set] = {}
        possible = list(product(range(3), relations, dict.fromkeys([None, *self.patients.values()])))
        for who, relation, patient in rng.sample(possible, rng.randint(0, len(possible))):
            if (who, ANTONYM.get(relation), patient) not in self.facts:
                self.facts[who, relation, patient] = {each for each in settings if rng.random() < 0.5}

    def can_be_spoken_of(self, pair: tuple[Statement, Statement]) -> bool:
        """There are such things as the two speak of, and what only the second calls "the" dog is a dog."""
        there = all(any(self.is_a(who, each.subject) for who in range(3)) for each in pair)
        return there and (
            self.same_one or pair[1].quantifier != "the" or self.is_a(self.the[1], pair[1].subject)
        )

    def is_a(self, who: int, thing: Thing) -> bool:
        return falls_under(self.nouns[who], thing.noun) and (
            thing.quality is None or thing.quality in self.qualities[who]
        )

    def does(self, who: int, statement: Statement) -> bool:
        patient = statement.patient and self.patients[statement.patient]
        if patient and things(patient, statement.patient) not in ("same", "narrower"):
            return False
        fact = self.facts.get((who, statement.relation, patient))
        return fact is not None and (statement.setting is None or statement.setting in fact)

    def bears_out(self, statement: Statement, side: int) -> bool:
        doers = [self.does(who, statement) for who in range(3) if self.is_a(who, statement.subject)]
        if statement.quantifier == "the":
            who = self.the[side]
            return self.is_a(who, statement.subject) and self.does(who, statement) != statement.negated
        return (any(doers) if statement.quantifier == "some" else all(doers)) != statement.negated
