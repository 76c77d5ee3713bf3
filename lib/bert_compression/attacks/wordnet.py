"""Which parts of speech can a word be? Asked of WordNet's index, without its meanings."""

import tarfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from bert_compression.errors import BadInput

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

        >>> sorted(wordnet.parts_of_speech("laughs"))
        ['noun', 'verb']
        """
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
        except (tarfile.TarError, EOFError, OSError, KeyError, UnicodeDecodeError) as error:
            raise BadInput(f"{archive} must hold WordNet as NLTK lays it out: {error}") from error
    import nltk

    try:
        return WordNet(lambda name: nltk.data.load(f"nltk:corpora/wordnet/{name}", format="raw").decode())
    except LookupError as error:
        raise BadInput(
            f'no WordNet: put wn_nltk.tar.gz into {folder}, or run `python -c "import nltk; '
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
