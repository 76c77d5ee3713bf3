"""A place for downloads, and an `import textattack` that needs no network and leaves no trace.

TextAttack wants two things from the machine when it is imported: a list of stop words where NLTK looks for
it, and a cache folder of its own, whose setting overwrites those of other libraries. Both are met from this
project's cache folder, and every environment variable is put back. Two of its habits are changed: what it
divides Chinese words with keeps its dictionary in that cache folder, too, and its separator of columns is a
character that no text holds.
"""

import atexit
import logging
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType

from bert_compression.errors import BadInput, expanded

# Words that carry grammar rather than meaning; swapping them would break the sentence, not the model.
STOP_WORDS = """
    a about above after again against all although am an and any are as at be because been before being
    below between both but by can could despite did do does doing down during each few for from further had
    has have having he her here hers herself him himself his how i if in into is it its itself just may me
    might more most must my myself no nor not of off on once only or other our ours ourselves out over own
    same shall she should so some such than that the their theirs them themselves then there these they this
    those though through to too under until up very was we were what when where which while who whom why will
    with without would yet you your yours yourself yourselves
"""
# Stands between the columns of a pair where TextAttack swaps words. Its own "<SPLIT>" may stand in a text.
SEPARATOR = "\0"
# What `import textattack` writes to the environment.
_OVERWRITTEN = (
    "TA_CACHE_DIR", "TFHUB_CACHE_DIR", "PYTORCH_TRANSFORMERS_CACHE", "HF_HOME", "XDG_CACHE_HOME",
    "TOKENIZERS_PARALLELISM",
)  # fmt: skip


@cache
def cache_folder() -> Path:
    """The folder for what is downloaded or written once and used again.

    `BERT_COMPRESSION_CACHE` if set (BadInput where it cannot be written to), else
    `~/.cache/bert_compression`, else, where the home folder is read-only or not known, a temporary folder
    that goes when the process ends.
    """
    chosen = os.environ.get("BERT_COMPRESSION_CACHE")
    if chosen:
        folder = expanded(chosen)
        if not _writable(folder):
            raise BadInput(f"BERT_COMPRESSION_CACHE must be a folder that can be written to, not {folder}")
        return folder
    folder = expanded("~/.cache/bert_compression")
    if _writable(folder):
        return folder
    temporary = Path(tempfile.mkdtemp(prefix="bert_compression-"))
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    return temporary


@cache
def import_textattack() -> ModuleType:
    """TextAttack, imported (5 to 8 s the first time) and told to keep quiet."""
    # These read HF_HOME while they are imported, so they come first, with the user's own.
    import datasets  # noqa: F401
    import nltk
    import transformers  # noqa: F401

    stop_words = cache_folder() / "nltk_data" / "corpora" / "stopwords" / "english"
    if not stop_words.exists():
        write_whole(stop_words, "\n".join(STOP_WORDS.split()) + "\n")
    nltk.data.path.append(str(cache_folder() / "nltk_data"))  # last: the user's own NLTK data win

    saved = {name: os.environ.get(name) for name in _OVERWRITTEN}
    os.environ["TA_CACHE_DIR"] = str(_textattack_folder())
    try:
        import textattack
    finally:
        for name, value in saved.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    logging.getLogger(textattack.shared.utils.logger.name).setLevel(logging.ERROR)
    textattack.shared.AttackedText.SPLIT_TOKEN = SEPARATOR
    # It would print, and read its dictionary from the folder for temporary files, where any user can put one.
    import jieba

    jieba.setLogLevel(logging.ERROR)
    jieba.dt.tmp_dir = str(cache_folder())
    return textattack


def write_whole(path: Path, text: str) -> None:
    """Write a file so that another process sees all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        file.write(text)
    os.replace(file.name, path)


def _textattack_folder() -> Path:
    """Where TextAttack keeps its downloads: the user's folder if there is one, else ours."""
    own = expanded(os.environ.get("TA_CACHE_DIR", "~/.cache/textattack"))
    folder = own if (own / "word_embeddings").is_dir() and _writable(own) else cache_folder() / "textattack"
    marker = folder / "post_install_check_3"  # present: nothing is downloaded during the import
    if not marker.exists():
        write_whole(marker, "")
    return folder


def _writable(folder: Path) -> bool:
    if str(folder).startswith("~"):  # no home folder is known, and a folder of that name is not meant
        return False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
