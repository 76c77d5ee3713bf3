"""TextAttack without a network, and without a trace in the user's environment."""

import os
import re
import subprocess
import sys

import pytest

from bert_compression.attacks import environment
from bert_compression.errors import BadInput


def python(code, home, **variables):
    """Run code in a fresh interpreter, with another home folder and no data of NLTK's."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "SYSTEMROOT") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, "HOME": str(home), "OMP_NUM_THREADS": "1", **variables},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


IMPORT = """
import logging, os, torch
logger, before, drawn = logging.getLogger("mine"), dict(os.environ), torch.get_rng_state()
from bert_compression.attacks.environment import cache_folder, import_textattack
textattack = import_textattack()
import huggingface_hub.constants
names = ("TA_CACHE_DIR", "HF_HOME", "XDG_CACHE_HOME", "TFHUB_CACHE_DIR", "PYTORCH_TRANSFORMERS_CACHE",
         "TOKENIZERS_PARALLELISM")
assert {n: os.environ.get(n) for n in names} == {n: before.get(n) for n in names}, os.environ
assert huggingface_hub.constants.HF_HOME == "/somewhere/hf", huggingface_hub.constants.HF_HOME
assert not logger.disabled and torch.equal(drawn, torch.get_rng_state())
assert import_textattack() is textattack
print(cache_folder())
"""


def test_import_needs_no_network_no_home_and_leaves_the_environment_alone(tmp_path):
    (tmp_path / "file").write_text("no folder can be made below this")
    done = python(IMPORT, home=tmp_path / "file", HF_HOME="/somewhere/hf", MPLCONFIGDIR=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "bert_compression-" in done.stdout  # a temporary folder, for want of a home
    assert not os.path.exists(done.stdout.strip())  # and gone with the process


def test_attacks_are_imported_without_textattack(tmp_path):
    code = "import sys, bert_compression.attacks; print('textattack' in sys.modules, 'nltk' in sys.modules)"
    assert python(code, home=tmp_path).stdout == "False False\n"


def test_attacks_are_imported_and_recipes_built_where_textattack_is_not_installed(tmp_path):
    code = """
import sys
sys.modules["textattack"] = sys.modules["nltk"] = None  # importing them is an ImportError
from bert_compression.attacks import RECIPES, TextBugger, get_recipe, load_resources
load_resources("builtin"), TextBugger(), get_recipe("textfooler").build({})
print(*RECIPES)
"""
    done = python(code, home=tmp_path)
    assert (done.returncode, done.stdout) == (0, "textfooler bert_attack textbugger\n"), done.stderr


def test_a_chinese_word_is_divided_in_silence_with_a_dictionary_of_our_own(tmp_path):
    code = """
from bert_compression.attacks.environment import import_textattack
print(len(import_textattack().shared.AttackedText("a film from \u65e5\u672c").words))
"""
    for folder in ("home", "tmp", "cache"):
        (tmp_path / folder).mkdir()
    folders = {"TMPDIR": str(tmp_path / "tmp"), "BERT_COMPRESSION_CACHE": str(tmp_path / "cache")}
    done = python(code, home=tmp_path / "home", **folders)
    assert (done.stdout, done.stderr) == ("4\n", "")
    assert (tmp_path / "cache" / "jieba.cache").is_file()
    assert not (tmp_path / "tmp" / "jieba.cache").exists()


@pytest.fixture
def fresh_cache_folder(monkeypatch):
    """cache_folder without what the session remembers of it."""
    monkeypatch.delenv("BERT_COMPRESSION_CACHE", raising=False)
    return environment.cache_folder.__wrapped__


def test_cache_folder_is_the_chosen_one_or_the_users(fresh_cache_folder, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert fresh_cache_folder() == tmp_path / "home" / ".cache" / "bert_compression"
    monkeypatch.setenv("BERT_COMPRESSION_CACHE", str(tmp_path / "chosen"))
    assert fresh_cache_folder() == tmp_path / "chosen"


def test_cache_folder_falls_back_to_a_temporary_one_but_never_past_a_choice(
    fresh_cache_folder, monkeypatch, tmp_path
):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    temporary = fresh_cache_folder()
    assert temporary.is_dir() and temporary.name.startswith("bert_compression-")
    monkeypatch.setenv("BERT_COMPRESSION_CACHE", str(tmp_path / "file"))
    message = f"BERT_COMPRESSION_CACHE must be a folder that can be written to, not {tmp_path / 'file'}"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        fresh_cache_folder()


def test_cache_folder_is_a_temporary_one_where_no_home_folder_is_known(
    fresh_cache_folder, monkeypatch, tmp_path
):
    """As in a container that runs as a user without an entry in passwd."""

    def unknown(uid):
        raise KeyError(uid)

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", unknown)
    temporary = fresh_cache_folder()
    assert temporary.is_dir() and temporary.name.startswith("bert_compression-")
    monkeypatch.setenv("BERT_COMPRESSION_CACHE", "~/chosen")
    with pytest.raises(BadInput, match=r"^BERT_COMPRESSION_CACHE must be .*, not ~/chosen$"):
        fresh_cache_folder()
    assert not list(tmp_path.iterdir())  # no folder of the name "~"
