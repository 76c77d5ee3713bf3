"""A plan as a Snakefile, which Snakemake runs to the records of a serial run."""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_profile

from bert_compression import cli
from bert_compression.experiments import PROFILES, Store, profiles
from bert_compression.experiments.environment import STORE_VARIABLE
from bert_compression.experiments.snakefile import snakefile

ASKED = ["--paper", "xtc", "--table", "table_c1"]  # seven jobs: two augment texts with the masked_lm
MACHINE = {"seconds", "peak_memory_mib", "created", "hardware", "digest"}


@pytest.fixture
def store(house, monkeypatch) -> Store:
    """The store, in a folder that a shell would take apart."""
    folder = house / "it's my store"
    monkeypatch.setenv(STORE_VARIABLE, str(folder))
    return Store(folder)


def told(store: Store) -> dict:
    """The records without what is of the machine, by identity."""
    return {
        r["identity"]: {name: value for name, value in r.items() if name not in MACHINE}
        for r in store.records()
    }


def exported(capsys, *more: str) -> str:
    capsys.readouterr()
    assert cli.main(["plan", *ASKED, *more, "--export", "snakemake"]) == 0
    return capsys.readouterr().out


def to_run(capsys) -> str:
    capsys.readouterr()
    assert cli.main(["plan", *ASKED]) == 0
    return re.search(r"(\d+) to run", capsys.readouterr().out)[1]


def refusal(capsys, *arguments: str) -> str:
    capsys.readouterr()
    assert cli.main(arguments) == 2
    return capsys.readouterr().err


def fails(work):
    raise RuntimeError("no")


@pytest.fixture
def snakemake(house, monkeypatch):
    """Runs Snakemake on a Snakefile whose commands find small profiles and toys; `events` is what is to
    happen in jobs of a kind."""
    pytest.importorskip("snakemake")
    command = house / "bin" / "bert-compression"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} {tiny_profile.__file__} "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(command.parent), os.environ["PATH"]]))

    def run(snakefile: str, *options: str, events: str = "") -> subprocess.CompletedProcess:
        (house / "Snakefile").write_text(snakefile)
        environment = {**os.environ, "TOYS": events, STORE_VARIABLE: "/nowhere"}  # the file says where
        return subprocess.run(
            [sys.executable, "-m", "snakemake", "--cores", "2", *options],
            cwd=house, env=environment, capture_output=True, text=True,
        )  # fmt: skip

    return run


def test_snakemake_leaves_the_records_of_a_serial_run_and_tries_again_what_has_failed(
    toys, house, store, snakemake, capsys, monkeypatch
):
    monkeypatch.setenv(STORE_VARIABLE, str(house / "serial"))
    assert cli.main(["run", *ASKED, "--quiet"]) == 0
    serial = told(Store(house / "serial"))
    monkeypatch.setenv(STORE_VARIABLE, str(store.folder))

    toys.before["masked_lm"] = fails
    assert cli.main(["run", *ASKED, "--quiet"]) == 1
    text = exported(capsys)
    assert text.count("\nrule ") == 1 + 3  # the failures count as no results

    failed = snakemake(text, "--keep-going", events="masked_lm:fails")
    assert failed.returncode != 0 and "RuntimeError: no such thing" in failed.stderr
    states = {record["kind"]: record["status"] for record in store.records()}
    assert states == {"examples": "ok", "masked_lm": "failed", "augment": "failed"}

    done = snakemake(text)
    assert done.returncode == 0, done.stderr
    assert told(store) == serial and len(serial) == 7
    assert to_run(capsys) == "0"
    assert "Nothing to be done" in snakemake(text, "--dry-run").stdout
    assert snakemake(exported(capsys)).returncode == 0


def test_a_rule_reads_the_records_of_its_inputs_and_runs_its_one_job(toys, house, store, capsys):
    text = exported(capsys, "--seeds", "1", "--attacked", "7")
    assert text.splitlines()[2] == f"os.environ[{STORE_VARIABLE!r}] = {str(store.folder)!r}"
    compile(text.split("rule all")[0], "Snakefile", "exec")
    rules = {}
    for rule in text.split("\nrule ")[1:]:
        name, body = rule.split(":", 1)
        _, *parts = re.split(r"    (input|output|shell):\n", body)
        rules[name] = {
            part: [eval(line.strip(" ,")) for line in lines.strip().splitlines()]
            for part, lines in zip(parts[::2], parts[1::2], strict=True)
        }
    outputs = rules.pop("all")["input"]
    assert outputs == [path for rule in rules.values() for path in rule["output"]] and len(set(outputs)) == 7
    (made,) = (rule["output"] for name, rule in rules.items() if name.startswith("masked_lm_"))
    assert [r["input"] for n, r in rules.items() if n.startswith("augment_")] == [made, made]
    for rule in rules.values():
        command = shlex.split(*rule["shell"])
        options = ["--profile", "smoke", *ASKED, "--seeds", "1", "--attacked", "7", "--quiet", "--job"]
        assert command[:-1] == ["bert-compression", "run", *options]
        assert store.result(command[-1]) == house / rule["output"][0]
        assert cli.main(command[1:]) == 0  # in the order of the file, inputs come first
    assert sorted(toys.ran) == ["augment"] * 2 + ["examples"] * 4 + ["masked_lm"]


def test_a_command_says_its_data_folder_so_that_it_holds_in_a_shell_in_every_folder(toys, house, store):
    folder = house / "my {data}"
    folder.mkdir()
    command = cli._run_command(cli._parser().parse_args(["plan"]), Path(folder.name))
    assert command == ["bert-compression", "run", "--profile", "smoke", "--data", str(folder), "--quiet"]
    session = tiny_profile.session(paper="xtc", table="table_c1")
    shells = re.findall(r"shell:\n +(.*)", snakefile(session.plan, session.resolver, store, command))
    assert len(shells) == 7
    assert all(shlex.split(eval(shell).format())[:-2] == command for shell in shells)


def test_one_job_is_run_by_its_key_once_what_it_reads_is_there(toys, house, store, capsys):
    rules = re.findall(r"rule (\w+)_\w{16}:.*?--job (\w+)", exported(capsys), flags=re.DOTALL)
    (masked,), (augmented, _) = ([key for kind, key in rules if kind == k] for k in ("masked_lm", "augment"))
    told = refusal(capsys, "run", *ASKED, "--job", augmented)
    needed = "augment of augmented, seed 0 reads the masked_lm of masked_lm, seed 0, which is missing"
    assert told == f"bert-compression: {needed}: run --job {masked} before\n" and toys.ran == []
    toys.before["masked_lm"] = fails
    assert cli.main(["run", *ASKED, "--quiet", "--job", masked]) == 1
    assert not store.result(masked).exists()
    assert refusal(capsys, "run", *ASKED, "--job", augmented) == told
    del toys.before["masked_lm"]
    for key in (masked, augmented, augmented):
        assert cli.main(["run", *ASKED, "--quiet", "--job", key]) == 0
        assert store.result(key).is_file()
    assert toys.ran == ["masked_lm", "augment"]
    for other in (["--paper", "xtc", "--table", "bit_kernels", "--job", masked], [*ASKED, "--job", ""]):
        assert refusal(capsys, "run", *other).startswith("bert-compression: none of these jobs has the key ")


def test_a_job_goes_on_in_the_precision_of_the_machine_that_has_planned_it(
    toys, house, store, capsys, monkeypatch
):
    monkeypatch.setitem(PROFILES, "smoke", replace(PROFILES["smoke"], precision="auto"))
    monkeypatch.setattr(profiles, "has_bf16", lambda: True)
    asked = ["--paper", "loyalty", "--table", "table_3"]
    assert cli.main(["plan", *asked, "--export", "snakemake"]) == 0
    (key, *_) = re.findall(r"rule finetune_.*?--job (\w+)", capsys.readouterr().out, flags=re.DOTALL)
    monkeypatch.setattr(profiles, "has_bf16", lambda: False)
    assert cli.main(["run", *asked, "--quiet", "--job", key]) == 2
    (needed,) = re.findall(r"--job (\w+) before", capsys.readouterr().err)
    assert cli.main(["run", *asked, "--quiet", "--job", needed]) == 0
    assert cli.main(["run", *asked, "--quiet", "--job", key]) == 0
    assert store.record(key)["params"]["precision"] == "bf16"


def test_a_store_in_a_folder_with_braces_is_refused(toys, house, capsys, monkeypatch):
    monkeypatch.setenv(STORE_VARIABLE, "{store}")
    told = refusal(capsys, "plan", *ASKED, "--export", "snakemake")
    assert told.startswith("bert-compression: Snakemake takes braces for wildcards: the store cannot be ")


def test_a_plan_with_nothing_to_run_has_no_rule_but_the_one_for_all(toys, house, store, capsys):
    assert cli.main(["run", *ASKED, "--quiet"]) == 0
    assert exported(capsys).endswith("\n\n\nrule all:\n    input:\n        []\n")
