"""The command line: help that can be pasted, bad input in one line, data as JSON."""

import json
import os
import re
import shlex
import subprocess
import sys

import pandas as pd
import pytest

from bert_compression import __version__, cli
from bert_compression.errors import LINE, BadInput
from bert_compression.papers import PAPERS

ANY_TABLE = dict.fromkeys(table.name for tables in PAPERS.values() for table in tables)

SENTENCES = {"sentence": ["a good film", "a bad film"], "label": [1, 0]}
NOWHERE = "the data folder nowhere does not exist: give the folder that holds glue/"
LABELS = "must be one of 0 (negative), 1 (positive)"


@pytest.fixture(autouse=True)
def nothing_given(tmp_path, monkeypatch):
    """An empty store and no data folder."""
    monkeypatch.setenv("BERT_COMPRESSION_STORE", str(tmp_path / "store"))
    monkeypatch.delenv("BERT_COMPRESSION_DATA", raising=False)
    return tmp_path / "store"


def data_folder(folder, train=None, validation=None):
    for split, table in (("train", train), ("validation", validation)):
        path = folder / "glue" / "sst2" / f"{split}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(table or SENTENCES).to_parquet(path)
    return folder


def refused(capsys, *arguments):
    """The one line that a command ends with at exit status 2."""
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("bert-compression: ") and captured.err.endswith("\n")
    assert captured.err.count("\n") == 1
    return captured.err.removeprefix("bert-compression: ").removesuffix("\n")


# What is asked for does not exist.


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("", "the following arguments are required: COMMAND; see bert-compression --help"),
        ("run --profile huge", "unknown profile 'huge': choose one of smoke, small, paper"),
        ("plan --profile huge", "unknown profile 'huge': choose one of smoke, small, paper"),
        ("doctor --profile huge", "unknown profile 'huge': choose one of smoke, small, paper"),
        ("book --profile huge", "unknown profile 'huge': choose one of smoke, small, paper"),
        ("run --paper loyalti", "unknown paper 'loyalti': choose one of loyalty, taylor, miniature, xtc"),
        (
            "plan --table table_9 --paper loyalty",
            "unknown table 'table_9' of loyalty: choose one of "
            + ", ".join(table.name for table in PAPERS["loyalty"]),
        ),
        (
            "run --table table_9",
            str(BadInput(f"unknown table 'table_9' of any paper: choose one of {', '.join(ANY_TABLE)}")),
        ),
        ("plan --table table_2", "loyalty, taylor each have a table_2: name the paper as well"),
        ("run --seeds 0", "seeds must be from 1 to 10,000, not 0"),
        ("run --attacked 0", "attacked must be from 1 to 10,000, not 0"),
        ("run --seeds 400000000", "seeds must be from 1 to 10,000, not 400000000"),
        ("run --workers 0", "workers must be at least 1, not 0"),
        ("plan --workers -1", "workers must be at least 1, not -1"),
        (
            "run --table table_3 --attacked 2000",
            "sst2/validation from the builtin source holds 1,000 examples, and 2,000 are asked for: give "
            "data with as many, or ask for 1 to 1,000 (the profile says how many)",
        ),
        ("run --seeds two", "argument --seeds: invalid int value: 'two'; see bert-compression run --help"),
        (
            "run --parsl ''",
            "there is no file '': give a Python file with `config = parsl.config.Config(...)`",
        ),
        ("book --diff --profile small -p a=b", "--diff compares records and takes --profile alone"),
        ("book --diff --data nowhere", "--diff compares records and takes --profile alone"),
        (
            "doctor --workshop --profile small",
            "the workshop takes neither a profile nor data: --workshop stands alone",
        ),
        (
            "plan --table table_3 --export snakemake --format json",
            "--export prints a Snakefile, and --format another: leave one out",
        ),
        (
            "workshop ''",
            "argument folder: a folder to write into has a name, such as . for this one; see "
            "bert-compression workshop --help",
        ),
        (
            "workshop /proc/nowhere",
            "/proc/nowhere cannot be written to (Permission denied): free some space, or make it writable",
        ),
        (
            "plan --profile small --data /dev/null",
            "the data folder /dev/null is no folder: give the folder that holds glue/",
        ),
        ("run --speed 3", "unrecognized arguments: --speed 3; see bert-compression --help"),
        ("plan --profile small --data nowhere", NOWHERE),
        ("book --profile small --data nowhere", NOWHERE),
        (
            "run --data nowhere",
            "this profile uses the built-in tasks: leave --data out, or choose --profile small",
        ),
    ],
)
def test_what_there_is_not_is_refused_in_one_line(command, message, capsys, nothing_given):
    assert refused(capsys, *shlex.split(command)) == message
    assert not nothing_given.exists()


@pytest.mark.parametrize("command", ["dance", "plan --format yaml"])
def test_a_choice_that_there_is_not_is_refused_with_those_that_there_are(command, capsys):
    line = refused(capsys, *command.split())
    commands = ("doctor", "plan", "run", "book", "compare", "workshop")
    choices = commands if command == "dance" else ("text", "json")
    assert f"invalid choice: '{command.split()[-1]}' (choose from " in line
    assert all(choice in line for choice in choices)
    assert line.endswith("--help")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["seed=3"], "has no parameter 'seed': it has profile, data, seeds, attacked"),
        (["seeds=many"], "needs seeds to be of type int, not 'many'"),
        (["seeds=2", "attacked=2.5"], "needs attacked to be of type int, not 2.5"),
        (["seeds=True"], "needs seeds to be of type int, not True"),
    ],
)
def test_a_notebook_parameter_that_does_not_fit_is_refused(values, message, capsys, project, monkeypatch):
    monkeypatch.chdir(project)
    given = ["--notebook", "table_3_sst2", *(part for value in values for part in ("-p", value))]
    assert refused(capsys, "book", *given) == f"notebooks/loyalty/table_3_sst2 {message}"


def test_a_parameter_without_a_value_and_an_unknown_notebook_are_refused(capsys, project, monkeypatch):
    monkeypatch.chdir(project)
    assert refused(capsys, "book", "-p", "seeds") == (
        "a notebook's parameter is written name=value, not 'seeds'"
    )
    line = refused(capsys, "book", "--notebook", "table_9")
    assert line.startswith("unknown notebook 'table_9': the book has notebooks/")
    assert "notebooks/loyalty/table_3_sst2" in line


# The data are not what they should be.


def test_an_empty_folder_is_refused(capsys, tmp_path):
    (tmp_path / "data").mkdir()
    assert refused(capsys, "run", "--profile", "small", "--data", str(tmp_path / "data")) == (
        f"the data folder {tmp_path / 'data'} is empty: it should hold glue/<task>/<split>.parquet"
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"text": ["x"], "label": [1]}, " lacks the column 'sentence'; it has text, label"),
        ({"sentence": ["x"]}, " lacks the column 'label'; it has sentence"),
        ({"sentence": [], "label": []}, " holds no examples"),
        ({"sentence": ["x", "y"], "label": [0, 2]}, f", row 1: the label is 2, but {LABELS}"),
        ({"sentence": ["x", "y"], "label": [-1, 1]}, f", row 0: the label is -1, but {LABELS}"),
        ({"sentence": ["x", "  "], "label": [0, 1]}, ", row 1: the sentence is empty or no text ('  ')"),
    ],
)
def test_data_that_are_not_right_are_refused_with_where(capsys, tmp_path, nothing_given, table, message):
    folder = data_folder(tmp_path / "data", train=table)
    for command in ("plan", "run"):
        line = refused(capsys, command, "--table", "table_3", "--profile", "paper", "--data", str(folder))
        assert line == f"sst2/train from the folder source{message}"
    assert not nothing_given.exists()


def test_fewer_sentences_than_the_profile_trains_on_are_refused(capsys, tmp_path):
    small = ("run", "--table", "table_3", "--profile", "small", "--data")
    assert refused(capsys, *small, str(data_folder(tmp_path / "data"))) == (
        "sst2/train from the folder source holds 2 examples, and 20,000 are asked for: give data with as "
        "many, or ask for 1 to 2 (the profile says how many)"
    )


def test_a_file_that_is_no_table_is_refused(capsys, tmp_path):
    folder = data_folder(tmp_path / "data")
    broken = folder / "glue" / "sst2" / "validation.parquet"
    broken.write_text("no parquet")
    paper = ("run", "--table", "table_3", "--profile", "paper", "--data", str(folder))
    assert refused(capsys, *paper).startswith(f"{broken} cannot be read as parquet: ")
    broken.unlink()
    assert refused(capsys, *paper) == (f"sst2 needs {broken}, which does not exist")


def test_without_a_hub_the_paper_cannot_be_run_and_says_so_before_anything_runs(capsys, nothing_given):
    line = refused(capsys, "run", "--profile", "paper", "--quiet")
    assert line.startswith("glue/mnli is neither in the cache nor to be had from the hub: give a folder")
    assert list(nothing_given.rglob("*.json")) == []


# What is asked for can be had.


def test_the_command_explains_itself(capsys):
    with pytest.raises(SystemExit) as done:
        cli.main(["--help"])
    assert done.value.code == 0
    told = capsys.readouterr().out
    for command in (cli.doctor, cli.plan, cli.run, cli.book, cli.compare, cli.workshop):
        assert command.__doc__.splitlines()[0] in re.sub(r"\s+", " ", told)
    parser = cli._parser()
    examples = re.findall(r"^  bert-compression (.*)$", told, re.MULTILINE)
    assert len(examples) == 8
    for example in examples:  # whatever stands there can be pasted
        parser.parse_args(example.split())


@pytest.mark.parametrize("command", ["doctor", "plan", "run", "book", "workshop"])
def test_each_command_explains_itself(capsys, command):
    with pytest.raises(SystemExit) as done:
        cli.main([command, "--help"])
    assert done.value.code == 0
    told = capsys.readouterr()
    assert told.out.startswith(f"usage: bert-compression {command}") and told.err == ""
    needed = ("folder",) if command == "workshop" else ("--profile", "--data")
    assert all(each in told.out for each in needed)
    for example in re.findall(r"^  bert-compression (.*)$", told.out, re.MULTILINE):  # can be pasted
        cli._parser().parse_args(example.split())
    assert ("--fresh" in told.out) == (command in ("plan", "run", "book"))


def test_the_version_is_the_packages(capsys):
    with pytest.raises(SystemExit) as done:
        cli.main(["--version"])
    assert done.value.code == 0
    assert capsys.readouterr().out == f"bert-compression {__version__}\n"


def test_a_plan_as_json(capsys):
    assert cli.main(["plan", "--table", "table_3", "--seeds", "1", "--format", "json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert len(planned["jobs"]) == 39 and planned["seconds"] > 0 and planned["workers"] >= 1
    assert planned["jobs"][0] == {
        "kind": "pretrained",
        "task": "sst2",
        "method": "pretrained",
        "seed": 0,
        "status": "to run",
    }


def test_a_plan_as_text(capsys, nothing_given):
    assert cli.main(["plan", "--table", "table_3", "--seeds", "2", "--workers", "1"]) == 0
    captured = capsys.readouterr()
    head, *kinds, last = captured.out.splitlines()
    assert head.split() == ["kind", "there", "to", "run", "not", "needed"]
    assert ["attack", "-", "14", "-"] in [line.split() for line in kinds]
    assert re.fullmatch(r"78 jobs, 78 to run: about \d+ (s|min) on \S.*", last)
    assert captured.err == ""
    assert not nothing_given.exists()  # a plan writes nothing


def test_a_plan_holds_one_table_or_one_paper_or_all_and_each_job_once(capsys):
    def jobs(*arguments):
        assert cli.main(["plan", "--seeds", "1", "--format", "json", *arguments]) == 0
        return [json.dumps(job) for job in json.loads(capsys.readouterr().out)["jobs"]]

    tables = [jobs("--paper", "loyalty", "--table", table.name) for table in PAPERS["loyalty"]]
    paper = jobs("--paper", "loyalty")
    assert set(paper) == set().union(*tables)
    assert max(map(len, tables)) < len(paper) < sum(map(len, tables))
    assert jobs("--table", "table_1") == tables[0]  # no other paper has one of that name
    papers = [jobs("--paper", name) for name in PAPERS]
    everything = jobs()
    assert set(everything) == set().union(*papers)
    assert max(map(len, papers)) < len(everything) < sum(map(len, papers))


def test_ctrl_c_before_anything_has_begun_is_one_line_too(capsys, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("bert_compression.papers.Session", interrupted)
    assert cli.main(["run"]) == 130
    told = "bert-compression: stopped; what is done is kept, and the next run goes on\n"
    assert capsys.readouterr() == ("", told)


def test_a_reader_that_has_read_enough_ends_a_command_without_a_traceback(tmp_path):
    command = [sys.executable, "-m", "bert_compression.cli", "plan", "--format", "json"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert process.stdout.readline() == "{\n"
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 141


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(28, "No space left on device", "somewhere"), "OSError: [Errno 28] No space left on device"),
        (
            RecursionError("maximum recursion depth exceeded"),
            "RecursionError: maximum recursion depth exceeded",
        ),
        (KeyError("x" * 5000), "KeyError: 'xxxxx"),
        (RuntimeError("one\ntwo\nthree"), "RuntimeError: one"),
        (AssertionError(), "AssertionError"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_what_nobody_has_foreseen_is_one_line_with_its_place(capsys, monkeypatch, error, told):
    def surprised(*arguments, **options):
        raise error

    monkeypatch.setattr("bert_compression.papers.Session", surprised)
    assert cli.main(["plan"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith(f"bert-compression: {told}")
    assert captured.err.endswith(")\n") and " (at papers/" in captured.err
    assert captured.err.count("\n") == 1 and len(captured.err) <= 301


def in_another_process(folder, *arguments, **variables):
    """A command without git, in the C locale, without a home folder and as a user who is not known."""
    bare = {
        "PATH": str(folder / "no-programs"),
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONIOENCODING": "ascii",
        "HOME": "/proc/nowhere",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "BERT_COMPRESSION_STORE": str(folder / "store"),
        **variables,
    }
    command = [sys.executable, "-m", "bert_compression.cli", *arguments]
    return subprocess.run(command, cwd=folder, env=bare, capture_output=True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["doctor"],
        ["plan", "--table", "table_3"],
        ["plan", "--profile", "paper", "--paper", "loyalty", "--table", "table_3", "--format", "json"],
        ["compare", "--help"],
    ],
    ids=["doctor", "plan", "plan of paper", "help"],
)
def test_a_command_needs_no_git_no_home_and_no_utf8(tmp_path, arguments):
    done = in_another_process(tmp_path, *arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.isascii() and done.stdout


def test_what_the_terminal_cannot_show_is_written_as_python_writes_it():
    shown = "def plan(options):\n 'Show.'\n print('caf\\u00e9')\n return 0"
    script = f"from bert_compression import cli\n{shown}\ncli.plan = plan\ncli.main(['plan'])"
    told = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True
    )
    assert (told.stdout, told.stderr) == (b"caf\\xe9\n", b"")


@pytest.mark.parametrize("store", ["file", "file/below", "dead", "~nobody-of-that-name/store", "x" * 300])
def test_a_store_that_cannot_be_is_told_in_one_line_before_anything_runs(
    capsys, tmp_path, monkeypatch, store
):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "dead").symlink_to("nowhere")
    monkeypatch.chdir(tmp_path)
    place = store if store.startswith("~") else str(tmp_path / store)
    monkeypatch.setenv("BERT_COMPRESSION_STORE", place)
    line = refused(capsys, "run", "--table", "table_3", "--seeds", "1", "--workers", "1", "--quiet")
    assert "BERT_COMPRESSION_STORE" in line and len(line) <= LINE
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dead", "file"]


def test_a_doctor_as_json_and_as_text(capsys):
    assert cli.main(["doctor", "--format", "json"]) == 0
    findings = json.loads(capsys.readouterr().out)
    assert findings["verdict"] == "profile smoke: ready"
    assert cli.main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(findings)
    assert lines[-1] == "verdict            profile smoke: ready"
    assert [line.split("  ")[0] for line in lines] == [name.replace("_", " ") for name in findings]


@pytest.mark.parametrize(("verdict", "status"), [("workshop: ready", 0), ("workshop: lacks free disk", 1)])
def test_a_doctor_says_by_its_exit_status_whether_a_workshop_can_be_held(
    verdict, status, monkeypatch, capsys
):
    monkeypatch.setattr("bert_compression.doctor.examine_workshop", lambda: {"verdict": verdict})
    assert cli.main(["doctor", "--workshop"]) == status
    assert capsys.readouterr().out == f"verdict            {verdict}\n"


def test_a_workshop_names_what_it_has_written(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("bert_compression.book.hand_out", lambda folder: [folder / "a.ipynb", folder / "b"])
    assert cli.main(["workshop", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'a.ipynb'}\n{tmp_path / 'b'}\n"


def test_a_file_that_is_there_is_not_overwritten_by_a_workshop(capsys, tmp_path, project, monkeypatch):
    monkeypatch.chdir(project)
    mine = tmp_path / "loyalty_in_half_a_day.ipynb"
    mine.write_text("my work")
    told = f"{mine} is there, and may hold somebody's work: name another folder"
    assert refused(capsys, "workshop", str(tmp_path)) == told
