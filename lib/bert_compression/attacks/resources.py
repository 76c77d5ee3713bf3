"""Word resources at three levels: which words may stand for which, and how similar a sentence remains.

TextFooler's own resources are three downloads. Where they cannot be had, a folder of data or the built-in
language stand in, and say what they replace. All of it depends on text alone: it is worked out once in a
process and serves every model that is attacked, so that attacking ten models costs little more than their
forward passes. Book: metrics/robustness, data/word_resources.
"""

import hashlib
import importlib.util
import json
import math
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import torch

from bert_compression.attacks.environment import cache_folder, import_textattack
from bert_compression.checks import checked
from bert_compression.devices import best_device, hub_answers
from bert_compression.errors import BadInput, named, one_line, shown
from bert_compression.models import MINILM, encoder_folder, load_tokenizer

LEVELS = ("genuine", "folder", "builtin")
# Words around a swap that the sentence encoder compares; in a shorter text nothing is compared (both as in
# the released code; the paper compares whole sentences).
WINDOW = 15
# The paper: similarity 0.7. Released code: 0.7, or 0.5 to get the paper's numbers, counted as 1 minus the
# angle in radians. TextAttack takes 0.5 and divides the angle by pi, as its definition asks, so that
# 1 - 0.5 / pi = 0.8408 is the same angle.
SAME_ANGLE = 1 - 0.5 / math.pi
CANDIDATES = 50  # nearest neighbours a word, in the paper and in the released code
PLACES_KEPT = 2**15  # places in texts whose swaps are remembered, at some 1 kB each
APART = 0.4  # the cosine below which BERT-ATTACK's released code takes two known words for different ones


class Resources(ABC):
    """One level of word resources.

    - `name`: "genuine", "folder" or "builtin"; `replaces`: line by line what stands in for what.
    - `stop_words` are never changed.
    - `min_similarity`: the least angular similarity (1 - angle / pi, in [0, 1]) that a sentence must keep
      when a word of it is exchanged; None where no sentence is compared.
    - `judged_in_original`: whether a swap is judged in the sentence as it was at first (and so is the same
      for all models), or as earlier swaps have left it.
    """

    name: str
    replaces: tuple[str, ...]
    stop_words: frozenset[str]
    min_similarity: float | None = None
    judged_in_original = True

    def __init__(self):
        self.swaps = lru_cache(maxsize=PLACES_KEPT)(self._swaps)

    @abstractmethod
    def substitutes(self, words: Sequence[str], index: int) -> tuple[str, ...]:
        """Words that may stand in the place of words[index], nearest first, in small letters."""

    def neighbours(self, word: str) -> tuple[str, ...]:
        """The words nearest to a word in small letters, nearest first, whatever their part of speech."""
        raise NotImplementedError(f"{self.name} resources list no neighbours")

    def apart(self, word: str, other: str) -> bool:
        """Are both words known, and far from each other? The genuine vectors' bound is a cosine of 0.4, as in
        BERT-ATTACK's released code. Antonyms are apart; a word that is not known is apart from none."""
        raise NotImplementedError(f"{self.name} resources do not say how far words are from each other")

    def encode(self, sentences: Sequence[str]) -> torch.Tensor:
        """Sentence vectors of the shape (sentences, size)."""
        raise NotImplementedError(f"{self.name} resources compare no sentences")

    def _swaps(self, original: str, current: str, index: int) -> tuple[tuple[str, float], ...]:
        """What may stand in the place of the word with that index in `current`, which earlier swaps have
        made of `original`, and how similar the sentence remains: (word, angular similarity) pairs."""
        attacked_text = import_textattack().shared.AttackedText
        from textattack.transformations.word_swaps.word_swap_embedding import recover_word_case

        text = attacked_text(current)
        word = text.words[index]
        offers = self.substitutes(attacked_text(original).words, index)
        cased = [new for new in (recover_word_case(offer, word) for offer in offers) if new != word]
        if not cased or self.min_similarity is None or text.num_words < WINDOW:
            return tuple((new, 1.0) for new in cased)
        variants = [text, *(text.replace_word_at_index(index, new) for new in cased)]
        scores = self._similarities([one.text_window_around_index(index, WINDOW) for one in variants])
        return tuple((new, s) for new, s in zip(cased, scores, strict=True) if s >= self.min_similarity)

    def _similarities(self, sentences: Sequence[str]) -> list[float]:
        """The angular similarity of the first sentence to each of the others.

        The candidates of one place are encoded together and with nothing else, so that a similarity does
        not depend, even in its last bit, on what was attacked before.
        """
        vectors = self.encode(sentences)
        cosines = torch.nn.functional.cosine_similarity(vectors[:1], vectors[1:])
        return (1 - torch.acos(cosines.clamp(-1, 1)) / math.pi).tolist()


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
        from bert_compression.smoke.language import FUNCTION_WORDS, synonyms

        self.stop_words = frozenset(FUNCTION_WORDS)
        self._synonyms = synonyms

    def substitutes(self, words: Sequence[str], index: int) -> tuple[str, ...]:
        return self._synonyms(words[index].lower())[:CANDIDATES]

    def neighbours(self, word: str) -> tuple[str, ...]:
        return self._synonyms(word)

    def apart(self, word: str, other: str) -> bool:
        # Synonyms are all that this language knows of nearness: what has none is not known.
        return bool(self._synonyms(word) and self._synonyms(other)) and other not in self._synonyms(word)


@checked
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
        self.stop_words = _read_stop_words(folder)
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


_FILES = ("noun", "verb", "adj", "adv")
# How WordNet turns a form into the word it lists: an ending, and what stands in its place (`man morphy`).
_ENDINGS = {
    "noun": "s: ses:s ves:f xes:x zes:z ches:ch shes:sh men:man ies:y",
    "verb": "s: ies:y es:e es: ed:e ed: ing:e ing:",
    "adj": "er: est: er:e est:e",
    "adv": "",
}
_RULES = {name: [rule.split(":") for rule in rules.split()] for name, rules in _ENDINGS.items()}


class WordNet:
    """The words that WordNet 3.0 lists for each part of speech, and their irregular forms.

    `read` gives the text of a file of WordNet's dictionary by its name ("index.noun", "verb.exc").
    Half a second to load, 20 MB in memory; the definitions are never read.
    """

    def __init__(self, read: Callable[[str], str]):
        self._listed, self._irregular = {}, {}
        for name in _FILES:
            lines = read(f"index.{name}").splitlines()
            self._listed[name] = {line.split(" ", 1)[0] for line in lines if not line.startswith(" ")}
            irregular = (line.split() for line in read(f"{name}.exc").splitlines())
            self._irregular[name] = {form: words for form, *words in irregular}
        self.parts_of_speech = lru_cache(maxsize=2**16)(self._parts_of_speech)

    def _parts_of_speech(self, word: str) -> frozenset[str]:
        """All of "noun", "verb", "adj", "adv" that the word or a form of it can be; empty if unknown.
        "laughs" is a noun and a verb."""
        return frozenset(name for name in _FILES if self._is(word.lower(), name))

    def _is(self, word: str, name: str) -> bool:
        forms = [word, *self._irregular[name].get(word, ())]
        if len(forms) == 1:  # an irregular form follows no rule
            forms += [word[: -len(end)] + put for end, put in _RULES[name] if word.endswith(end)]
        return any(form in self._listed[name] for form in forms)


def open_wordnet(folder: Path) -> WordNet:
    """WordNet from <folder>/wn_nltk.tar.gz, else from where NLTK keeps its data."""
    archive = folder / "wn_nltk.tar.gz"
    if archive.is_file():
        try:
            return WordNet(_read_archive(archive))
        except Exception as error:  # of the compression, of the archive, of what is in it
            told = named(error)
            raise BadInput(f"{archive} must hold WordNet as NLTK lays it out: {told}") from error
    import nltk

    try:
        return WordNet(lambda name: nltk.data.load(f"nltk:corpora/wordnet/{name}", format="raw").decode())
    except Exception as error:  # of NLTK's folders, of what is in them
        raise BadInput(
            f'no WordNet that can be read: put wn_nltk.tar.gz into {folder}, or run `python -c "import nltk; '
            "nltk.download('wordnet')\"`"
        ) from error


def _read_archive(archive: Path) -> Callable[[str], str]:
    wanted = {f"index.{name}" for name in _FILES} | {f"{name}.exc" for name in _FILES}
    texts = {}
    with tarfile.open(archive) as files:
        for member in files:
            name = Path(member.name).name
            if name in wanted and member.isfile():
                texts[name] = files.extractfile(member).read().decode()
    return texts.__getitem__


@checked
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


@checked
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
    found = _read_json(lists[0], dict)
    for word, near in found.items():
        _check_words(lists[0], near, shown(word))
    return found


def _read_stop_words(folder: Path) -> frozenset[str]:
    path = folder / "sets" / "textfooler" / "stopwords.json"
    words = _read_json(path, list)
    _check_words(path, words)
    return frozenset(words)


def _read_json(path: Path, kind: type):
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"word resources need {path}, which cannot be read: {one_line(error)}") from error
    if not isinstance(found, kind):
        raise BadInput(f"{path} must hold a JSON {kind.__name__}, not a {type(found).__name__}")
    return found


def _check_words(path: Path, words: object, field: str = "") -> None:
    """Raises BadInput unless these are a list of words."""
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise BadInput(f"{path} must hold lists of words, and {field or 'it'} has {shown(words)}")
