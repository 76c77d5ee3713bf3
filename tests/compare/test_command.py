"""bert-compression compare: what it prints, where it ends, and that the README's words work."""

import hashlib
import http.server
import json
import os
import re
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest
from small import MNLI, make_model, nameless, permuted, saved, sentences

from bert_compression import cli
from bert_compression.compare.page import NAMES
from bert_compression.errors import Failure


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Folders with a teacher, two students and texts."""
    folder = tmp_path_factory.mktemp("command")
    teacher = make_model(labels=MNLI)
    saved(folder / "teacher", teacher)
    saved(folder / "permuted", permuted(teacher, (2, 0, 1)))
    saved(folder / "silent", nameless(permuted(teacher, (2, 0, 1))))
    saved(folder / "other", make_model(labels=MNLI, seed=1))
    saved(folder / "renamed", make_model(labels=("x", "y", "z")))
    texts = sentences(250)
    pd.DataFrame({"text": texts, "kind": ["a", "b"] * 125}).to_csv(folder / "texts.csv", index=False)
    pd.DataFrame({"text": texts[:20]}).to_csv(folder / "few.csv", index=False)
    return folder


@pytest.fixture
def run(models, tmp_path, monkeypatch, capsys):
    """Runs the command in the models' folder: exit status, standard output and standard error."""
    monkeypatch.chdir(models)

    def call(arguments):
        status = cli.main(["compare", *shlex.split(arguments), "--output", str(tmp_path / "out")])
        out, err = capsys.readouterr()
        told = [line for line in err.splitlines(keepends=True) if not line.startswith("note: ")]
        return status, out, "".join(told)

    return call


def test_a_requirement_that_is_met_not_met_or_undecided_is_the_exit_status(run, tmp_path):
    gate = '--require "label_loyalty>=0.98"'
    status, out, err = run(f"teacher permuted --data texts.csv {gate}")
    assert status == 0 and out.startswith("met: label_loyalty>=0.98; measured 1.0000 [0.98")
    assert err.splitlines() == [
        "the teacher alone and in batches", "the student alone and in batches", "asking the teacher",
        "asking the student", "timing", str(tmp_path / "out" / "compare.html"),
    ]  # fmt: skip
    status, out, err = run(f"teacher other --data texts.csv {gate} --quiet")
    assert (status, err) == (1, "") and out.startswith("not met: label_loyalty>=0.98; measured 0.")
    assert (
        json.loads((tmp_path / "out" / "compare.json").read_text())["requirements"][0]["outcome"] == "not met"
    )
    status, out, _ = run(f"teacher permuted --data few.csv {gate} --quiet")
    assert status == 3
    assert out == (
        "undecided: label_loyalty>=0.98; measured 1.0000 [0.8389, 1.0000], n = 20; the interval holds the "
        "threshold, so that more texts are needed to tell; without a single exception it takes 189 texts or "
        "more\n"
    )


def test_a_teacher_is_run_once(run, models):
    assert run("teacher other --data texts.csv --save-answers kept.npz --quiet")[0] == 0
    assert (models / "kept.npz").is_file()
    assert run("kept.npz other --data texts.csv --slice kind --quiet")[0] == 0
    status, _, err = run("kept.npz other --data few.csv --quiet")
    assert status == 2 and "holds answers to 250 other texts than those of few.csv (20 texts)" in err


def test_labels_can_be_stated(run):
    status, _, err = run("teacher silent --data texts.csv --quiet")
    stated = "--labels student=contradiction,entailment,neutral"
    assert status == 2 and f"with {stated} the two agree" in err and err.count("\n") == 1
    gate = '--require "label_loyalty>=0.98"'
    assert run(f"teacher silent --data texts.csv --quiet {stated} {gate}")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("teacher nowhere/at/all --data texts.csv", "no usable encoder 'nowhere/at/all'"),
        ("teacher texts.csv --data texts.csv", "'texts.csv' is no model: give a folder, a name on the hub"),
        (
            "teacher renamed --data texts.csv",
            "the teacher's labels are entailment, neutral, contradiction and",
        ),
        ("teacher other --data nothing", "'nothing' is neither a file"),
        ("teacher other --data texts.csv --attack bite", "unknown attack 'bite'"),
        ("teacher other --data texts.csv --attack textfooler", "an attack needs labels"),
        ("teacher other --data texts.csv --attack textfooler --examples 0", "an attack needs 1 text or more"),
        ("teacher other --data texts.csv --labels teacher", "labels are stated as SIDE=NAME,NAME,..."),
        (
            "teacher other --data texts.csv --labels teacher=a,b,c --labels teacher=c,b,a",
            "the labels of 'teacher' are stated twice",
        ),
        ("teacher other --data texts.csv --require loyal", "a requirement reads NAME>=NUMBER"),
        (
            'teacher other --data texts.csv --require "loyalty>=0.9"',
            "there is no measure 'loyalty': label_loyalty, probability_loyalty, ",
        ),
        (
            "teacher other --data texts.csv --labels data=a,b,c",
            "texts.csv has no labels that --labels data=... could name",
        ),
        ("teacher other --data texts.csv --save-answers a.txt", "answers are saved as .npz"),
        ("teacher other --data texts.csv --max-length 3", "teacher would read 3 tokens of a text"),
        ("teacher other --data builtin-sst2", "the labels of builtin-sst2 are negative, positive and the"),
    ],
)
def test_bad_input_is_one_line_before_a_model_is_asked(run, monkeypatch, arguments, message):
    def asked(*_):
        raise AssertionError("a model was asked")

    monkeypatch.setattr("bert_compression.compare.models.predict_logits", asked)
    status, out, err = run(arguments)
    assert (status, out) == (2, "") and err.count("\n") == 1 and len(err) <= 320
    assert err.startswith(f"bert-compression: {message}")


def test_an_output_that_cannot_be_is_refused_before_a_model_is_asked(models, capsys, monkeypatch):
    monkeypatch.chdir(models)
    arguments = ["compare", "teacher", "other", "--data", "texts.csv", "--output", "texts.csv"]
    assert cli.main(arguments) == 2
    assert capsys.readouterr().err.startswith("bert-compression: nothing can be written into texts.csv: ")


def test_a_measure_that_these_texts_do_not_have_is_refused_and_the_page_is_there(run, tmp_path):
    status, _, err = run('teacher other --data texts.csv --require "student_accuracy>=0.9" --quiet')
    assert status == 2 and "there is no measure 'student_accuracy' here (some take labels, or" in err
    assert (tmp_path / "out" / "compare.html").is_file()


@pytest.mark.parametrize("error", [Failure("the model broke"), RuntimeError("the library broke")])
def test_what_goes_wrong_is_no_gate_that_is_not_met(run, monkeypatch, error):
    def broken(*_):
        raise error

    monkeypatch.setattr("bert_compression.compare.models.predict_logits", broken)
    status, out, err = run('teacher other --data texts.csv --require "label_loyalty>=0.98" --quiet')
    assert (status, out) == (2, "") and str(error) in err and err.count("\n") == 1


def test_every_measure_has_a_name_that_a_requirement_is_asked_for_at_once(run, tmp_path):
    assert run("teacher other --data texts.csv --quiet")[0] == 0
    told = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert set(told["measures"]) <= set(NAMES)


def test_the_command_explains_itself(capsys):
    with pytest.raises(SystemExit) as done:
        cli.main(["compare", "--help"])
    assert done.value.code == 0
    told = capsys.readouterr().out
    examples = re.findall(r"^  bert-compression (.*)$", told, re.MULTILINE)
    assert len(examples) == 4
    for example in examples:
        cli._parser().parse_args(shlex.split(example))
    assert "exit status: 0 done and all requirements met, 1 one is not met, 3 too few texts" in told


def section(project):
    return (project / "README.md").read_text().split("## Your own model\n")[1].split("\n## ")[0]


def test_the_commands_of_the_readme_can_be_given(project):
    commands = re.findall(r"^bert-compression (.*)$", section(project), re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        cli._parser().parse_args(shlex.split(command))


def test_the_recipe_of_the_readme_runs_in_twelve_lines(project, tmp_path, monkeypatch, capsys, no_network):
    (recipe,) = re.findall(r"^```python\n(.*?)^```$", section(project), re.MULTILINE | re.DOTALL)
    assert len(re.findall(r"^.*\S.*$", recipe, re.MULTILINE)) <= 12
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BERT_COMPRESSION_DATA", raising=False)
    exec(compile(recipe, "README", "exec"), {})
    decision, page = capsys.readouterr().out.splitlines()
    assert decision.startswith("not met: label_loyalty>=0.98; measured 0.") and "n = 1000" in decision
    assert (tmp_path / page).is_file()
    assert no_network == []


@pytest.fixture
def hub(models):
    """A hub at a port of its own that has the models under any user's name: its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path = models / Path(self.path).parent.parent.parent.name / Path(self.path).name
            found = "/resolve/main/" in self.path and path.is_file()
            body = path.read_bytes() if found else b""
            self.send_response(200 if found else 404)
            self.send_header("ETag", hashlib.sha256(body).hexdigest())
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header(
                "X-Error-Code", "EntryNotFound" if "/nobody/" not in self.path else "RepoNotFound"
            )
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_models_are_taken_from_the_hub_that_the_environment_names(models, hub, project, tmp_path):
    """In processes of their own: the libraries read the address when they are imported."""
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment |= {"HF_ENDPOINT": hub, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "cache")}
    environment["PYTHONPATH"] = str(project / "lib")
    command = [sys.executable, "-m", "bert_compression.cli", "compare", "some/teacher"]
    options = ["--data", str(models / "few.csv"), "--output", str(tmp_path), "--quiet"]

    def run(student):
        return subprocess.run(
            [*command, student, *options], env=environment, capture_output=True, text=True, check=False
        )

    assert run("another/permuted").returncode == 0
    told = json.loads((tmp_path / "compare.json").read_text())
    assert (told["teacher"]["name"], told["student"]["name"]) == ("some/teacher", "another/permuted")
    assert told["measures"]["label_loyalty"]["value"] == 1.0
    assert told["teacher"]["bytes"] == (models / "teacher" / "model.safetensors").stat().st_size
    refused = run("nobody/permuted2")
    assert refused.returncode == 2 and refused.stderr.count("\n") == 1
    assert refused.stderr.startswith("bert-compression: no usable encoder 'nobody/permuted2'")


def test_what_a_reader_should_know_first_is_told_on_the_terminal_too(models, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(models)
    cli.main(["compare", "teacher", "permuted", "--data", "few.csv", "--output", str(tmp_path), "--quiet"])
    told = capsys.readouterr().err.splitlines()
    notices = json.loads((tmp_path / "compare.json").read_text())["notices"]
    assert notices and told == [f"note: {notice}" for notice in notices]
