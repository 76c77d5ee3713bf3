"""Three levels of word resources for TextFooler.

Its own resources are three downloads. Where they cannot be had, a folder of data or the built-in language
stand in, and say what they replace. Book: metrics/robustness, data/word_resources.
"""

import hashlib
import importlib.util
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import torch

from bert_compression.attacks.encoder import MiniLM
from bert_compression.attacks.environment import cache_folder, import_textattack
from bert_compression.attacks.swaps import CANDIDATES, SAME_ANGLE, Resources
from bert_compression.attacks.wordnet import open_wordnet
from bert_compression.errors import BadInput
from bert_compression.hub import hub_answers

LEVELS = ("genuine", "folder", "builtin")
APART = 0.4  # the cosine below which BERT-ATTACK's released code takes two known words for different ones


class BuiltinResources(Resources):
    """The synonym sets of the built-in language: a swap keeps the meaning because the language says so."""

    name = "builtin"
    replaces = (
        "counter-fitted vectors: synonym sets of the built-in language",
        "part-of-speech tagger: none needed, a set has one part of speech",
        "Universal Sentence Encoder: none needed, synonyms keep the meaning by construction",
    )

    def __init__(self):
        super().__init__()
        from bert_compression.tasks.english.language import FUNCTION_WORDS, synonyms

        self.stop_words = frozenset(FUNCTION_WORDS)
        self._synonyms = synonyms

    def substitutes(self, words: Sequence[str], index: int) -> tuple[str, ...]:
        return self._synonyms(words[index].lower())[:CANDIDATES]

    def neighbours(self, word: str) -> tuple[str, ...]:
        return self._synonyms(word)

    def apart(self, word: str, other: str) -> bool:
        # Synonyms are all that this language knows of nearness: what has none is not known.
        return bool(self._synonyms(word) and self._synonyms(other)) and other not in self._synonyms(word)


class FolderResources(Resources):
    """Neighbour lists, WordNet and stop words from a data folder, and all-MiniLM-L6-v2.

    The encoder sees whether a sentence still speaks of the same thing, not whether it still says the same:
    on SST-2, 89 % of listed neighbours pass at this angle, 56 % of random words of the same part of speech,
    and 90 % of antonyms. What keeps the meaning is the lists: counter-fitting drives antonyms apart.
    """

    name = "folder"
    replaces = (
        "counter-fitted vectors: lists of at most 8 neighbours in their space, without cosines",
        "part-of-speech tagger: WordNet; a word and its substitute share a part of speech",
        "Universal Sentence Encoder: all-MiniLM-L6-v2, held to the same angle (0.5 rad, cosine 0.878), "
        "each swap judged in the original sentence",
    )
    # Ours: nobody has published a threshold for this encoder. The angle is the released code's.
    min_similarity = SAME_ANGLE
    # Ours: the released code judges a swap in the sentence as earlier swaps have left it, so that each model
    # is offered other swaps. Here all models face the same ones, and their comparison is a fair one.
    judged_in_original = True

    def __init__(self, folder: Path):
        super().__init__()
        self._neighbours = _read_neighbours(folder)
        self.stop_words = frozenset(_read_json(folder / "sets" / "textfooler" / "stopwords.json", list))
        self._wordnet = open_wordnet(folder)
        self._encoder = MiniLM()
        self._vetted = lru_cache(maxsize=2**15)(self._vet)
        self._reached = lru_cache(maxsize=2**12)(self._reach)

    def substitutes(self, words: Sequence[str], index: int) -> tuple[str, ...]:
        return self._vetted(words[index].lower())

    def neighbours(self, word: str) -> tuple[str, ...]:
        return tuple(self._neighbours.get(word, ()))

    def apart(self, word: str, other: str) -> bool:
        # Ours: the lists hold no cosines. Two steps along them lead from "bad" to "awful" and "evil", and not
        # to "good"; one step would leave a third fewer of the words that fit.
        known = word in self._neighbours and other in self._neighbours
        return known and other not in self._reached(word) and word not in self._reached(other)

    def _reach(self, word: str) -> frozenset[str]:
        """The word, its neighbours and theirs."""
        near = self.neighbours(word)
        return frozenset((word, *near, *(other for each in near for other in self.neighbours(each))))

    def encode(self, sentences: Sequence[str]) -> torch.Tensor:
        return self._encoder(sentences)

    def _vet(self, word: str) -> tuple[str, ...]:
        kinds = self._wordnet.parts_of_speech(word)
        neighbours = self._neighbours.get(word, ())[:CANDIDATES]
        return tuple(other for other in neighbours if kinds & self._wordnet.parts_of_speech(other))


class GenuineResources(Resources):
    """TextFooler's own, as TextAttack downloads and combines them."""

    name = "genuine"
    replaces = ()
    min_similarity = SAME_ANGLE
    judged_in_original = False

    def __init__(self, recipe):
        """`recipe` is a `textattack.Attack` with the constraints of TextFoolerJin2019."""
        super().__init__()
        from textattack.constraints.grammaticality import PartOfSpeech
        from textattack.constraints.pre_transformation import StopwordModification
        from textattack.constraints.semantics import WordEmbeddingDistance
        from textattack.constraints.semantics.sentence_encoders import SentenceEncoder

        parts = (*recipe.pre_transformation_constraints, *recipe.constraints)

        def part(kind):
            return next(found for found in parts if isinstance(found, kind))

        self.stop_words = frozenset(part(StopwordModification).stopwords)
        self._tagger, self._sentences = part(PartOfSpeech), part(SentenceEncoder)
        self._min_cosine = part(WordEmbeddingDistance).min_cos_sim  # 0.5: see TextAttack's recipe
        self._embedding = recipe.transformation.embedding
        self._neighbours = lru_cache(maxsize=2**15)(self._near)

    def substitutes(self, words: Sequence[str], index: int) -> tuple[str, ...]:
        # TextAttack's context: four words before and three behind, in the original text.
        before, after = list(words[max(index - 4, 0) : index]), list(words[index + 1 : index + 4])

        def part_of_speech(word: str) -> str:
            return self._tagger._get_pos(before, word, after)

        kind = part_of_speech(words[index])
        return tuple(
            other
            for other in self._neighbours(words[index].lower())
            if self._tagger._can_replace_pos(kind, part_of_speech(other))
        )

    def neighbours(self, word: str) -> tuple[str, ...]:
        try:
            near = self._embedding.nearest_neighbours(self._embedding.word2index(word), CANDIDATES)
        except KeyError:
            return ()
        return tuple(self._embedding.index2word(index) for index in near)

    def apart(self, word: str, other: str) -> bool:
        try:
            return self._embedding.get_cos_sim(word, other) < APART
        except KeyError:
            return False

    def _near(self, word: str) -> tuple[str, ...]:
        embedding = self._embedding
        try:
            here = embedding.word2index(word)
        except KeyError:
            return ()
        return tuple(
            embedding.index2word(near)
            for near in embedding.nearest_neighbours(here, CANDIDATES)
            if embedding.get_cos_sim(here, near) >= self._min_cosine
        )

    def encode(self, sentences: Sequence[str]) -> torch.Tensor:
        return torch.as_tensor(self._sentences.encode(list(sentences)))


@lru_cache
def load_resources(level: str, folder: Path | None = None) -> Resources:
    """The word resources of that level; asked again, the same object with all that it remembers.

    `folder` is the data folder, which "folder" needs and the others ignore. Raises BadInput for an unknown
    level, and with what is missing where a level cannot be had here.
    """
    if level not in LEVELS:
        raise BadInput(f"unknown word resources {level!r}: choose one of {', '.join(LEVELS)}")
    if level == "folder":
        if folder is None:
            raise BadInput('word resources of the level "folder" need a data folder: give one with --data')
        return FolderResources(Path(folder))
    return GenuineResources(_downloaded_recipe()) if level == "genuine" else BuiltinResources()


@lru_cache
def resources_digest(level: str, folder: Path | None = None) -> str:
    """What tells one state of a level's word resources from another: the digest of its files, or its name."""
    sha = hashlib.sha256(level.encode())
    if level == "folder" and folder is not None:
        files = [*sorted((folder / "sets" / "counterfitted").glob("*.json"))]
        files += [folder / "sets" / "textfooler" / "stopwords.json", folder / "wn_nltk.tar.gz"]
        for path in files:
            sha.update(path.read_bytes() if path.is_file() else b"missing")
    return sha.hexdigest()


class _NoModel:
    """TextAttack builds a recipe around a model; only the recipe's parts are wanted."""

    model = None


def _downloaded_recipe():
    """TextFooler as TextAttack builds it; one line, at once, where its downloads would end in a timeout."""
    for package in ("tensorflow_hub", "tensorflow"):
        if importlib.util.find_spec(package) is None:
            raise BadInput(f"genuine word resources need the package {package}, which is not installed")
    if not hub_answers():
        raise BadInput("genuine word resources are downloads, and no hub answers: use a data folder")
    textattack = import_textattack()
    import nltk

    folder = cache_folder() / "nltk_data"
    for name in ("averaged_perceptron_tagger_eng", "universal_tagset"):
        if not nltk.download(name, download_dir=str(folder), quiet=True):
            raise BadInput(f"genuine word resources need NLTK's {name}: no download to {folder}")
    try:
        recipe = textattack.attack_recipes.TextFoolerJin2019.build(_NoModel())
        recipe.constraints[-1].encode(["The sentence encoder, too, is downloaded now."])
        return recipe
    except Exception as error:  # TextAttack raises a bare Exception where a download fails
        raise BadInput(f"genuine word resources could not be downloaded: {error}") from error


def _read_neighbours(folder: Path) -> dict[str, list[str]]:
    lists = sorted((folder / "sets" / "counterfitted").glob("*.json"))
    if not lists:
        raise BadInput(f"word resources need {folder}/sets/counterfitted/*.json, which does not exist")
    return _read_json(lists[0], dict)


def _read_json(path: Path, kind: type):
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"word resources need {path}, which cannot be read: {error}") from error
    if not isinstance(found, kind):
        raise BadInput(f"{path} must hold a JSON {kind.__name__}, not a {type(found).__name__}")
    return found
