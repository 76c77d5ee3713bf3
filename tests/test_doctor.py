"""The doctor: what is missing is a finding, never an error, and the verdict counts it."""

import os
import shutil

import pandas as pd
import psutil
import pytest

from bert_compression import doctor
from bert_compression.doctor import READY, examine, examine_workshop
from bert_compression.errors import BadInput, Failure
from bert_compression.tasks.catalogue import TASKS


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch):
    """No data folder and no hub."""
    monkeypatch.delenv("BERT_COMPRESSION_DATA", raising=False)
    monkeypatch.setattr(doctor, "hub_answers", lambda: False)


def data_folder(folder, without=()):
    """A data folder with two rows in every split of every task, but for those left out."""
    for task in TASKS.values():
        columns: dict = {column: ["good", "bad"] for column in task.columns}
        if task.spans:
            columns["answers"] = [{"text": ["good"], "answer_start": [0]}, {"text": [], "answer_start": []}]
        else:
            columns["label"] = [1, 0]
        for split in (split for split in task.rows if (task.name, split) not in without):
            path = folder / (task.folder or f"glue/{task.name}") / f"{split}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pd.DataFrame(columns).to_parquet(path)
    return folder


def test_smoke_needs_nothing_but_the_package():
    findings = examine("smoke", None)
    assert list(findings)[-1] == "verdict"
    assert findings["verdict"] == "profile smoke: ready"
    assert findings["data"] == (
        "builtin: mnli with 3,000 train, 1,000 validation_matched, 500 validation_mismatched; "
        "sst2 with 2,000 train, 1,000 validation; qqp with 2,000 train, 500 validation; "
        "qnli with 2,000 train, 500 validation; mrpc with 1,500 train, 500 validation; "
        "rte with 600 train, 500 validation; stsb with 1,500 train, 500 validation; "
        "squad2 with 2,000 train, 500 validation; films with 500 validation; "
        "imdb with 1,000 train, 500 test; cola with 500 validation, 2,000 train"
    )
    assert findings["model"] == "builtin-bert, on this machine"
    assert findings["word_resources"] == "builtin"
    assert "torch" in findings["versions"] and "cores" in findings["processor"]
    assert findings["hub"] == "does not answer"
    assert all(isinstance(finding, str) and "\n" not in finding for finding in findings.values())


def test_the_paper_lacks_everything_where_there_is_no_hub():
    findings = examine("paper", None)
    assert findings["verdict"] == "profile paper: lacks data, model, word resources"
    assert findings["data"].startswith(
        "missing: glue/mnli is neither in the cache nor to be had from the hub"
    )
    assert findings["model"] == "missing: bert-base-uncased is a checkpoint of the hub, which does not answer"
    assert findings["word_resources"].startswith("missing: genuine word resources ")


def test_a_checkpoint_in_the_cache_will_do_without_a_hub(monkeypatch):
    monkeypatch.setattr(doctor, "try_to_load_from_cache", lambda name, file: f"cache/{name}/{file}")
    assert examine("paper", None)["model"] == "bert-base-uncased, from the hub or its cache"


def test_a_hub_that_answers_has_data_and_model(monkeypatch):
    monkeypatch.setattr(doctor, "hub_answers", lambda: True)
    findings = examine("paper", None)
    assert (findings["hub"], findings["data"]) == ("answers", "from the hub")
    assert findings["model"] == "bert-base-uncased, from the hub or its cache"


def test_a_folder_is_read_and_counted(tmp_path, monkeypatch):
    folder = data_folder(tmp_path / "data")
    findings = examine("small", str(folder))
    assert findings["data_folder"] == str(folder)
    assert findings["data"] == (
        "folder: mnli with 2 train, 2 validation_matched, 2 validation_mismatched; "
        + "; ".join(
            f"{name} with 2 train, 2 validation"
            for name in ("sst2", "qqp", "qnli", "mrpc", "rte", "stsb", "squad2")
        )
        + "; imdb with 2 train, 2 test; subjqa with 2 dev_test; policyqa with 2 test"
        + "; cola with 2 validation, 2 train"
    )
    assert findings["word_resources"].startswith(f"missing: word resources need {folder}/sets/counterfitted")
    assert findings["verdict"] == "profile small: lacks word resources"
    monkeypatch.setenv("BERT_COMPRESSION_DATA", str(folder))
    assert examine("small", None) == findings


def test_a_folder_that_lacks_a_split_is_found_out(tmp_path):
    folder = data_folder(tmp_path / "data", without={("sst2", "validation")})
    missing = folder / "glue" / "sst2" / "validation.parquet"
    assert examine("small", str(folder))["data"] == f"missing: sst2 needs {missing}, which does not exist"


def test_a_folder_that_is_not_there_is_a_finding(tmp_path):
    findings = examine("small", str(tmp_path / "nowhere"))
    told = f"the data folder {tmp_path / 'nowhere'} does not exist: give the folder that holds glue/"
    assert findings["data_folder"] == f"unusable: {told}"
    assert findings["data"] == f"missing: {told}"
    assert "lacks data" in findings["verdict"]


def test_real_data_are_all_that_small_needs(real_data):
    assert examine("small", str(real_data))["verdict"] == "profile small: ready"


def test_a_package_that_is_not_installed_is_named_and_counted(monkeypatch):
    found = doctor.find_spec
    hidden = {"textattack", "papermill"}
    monkeypatch.setattr(doctor, "find_spec", lambda name: None if name in hidden else found(name))
    findings = examine("smoke", None)
    assert findings["book_tools"] == "missing: papermill"
    assert findings["attack_tools"] == "missing: textattack"
    assert findings["word_resources"] == (
        "missing: attacks need the package textattack, which is not installed"
    )
    assert findings["verdict"] == "profile smoke: lacks word resources"


def test_an_unknown_profile_is_refused():
    with pytest.raises(BadInput, match=r"^unknown profile 'huge': choose one of smoke, small, paper$"):
        examine("huge", None)


@pytest.fixture
def prepared(monkeypatch):
    """The models of the workshop, as if they were there."""
    monkeypatch.setattr(doctor, "_prepared", lambda: "all")
    monkeypatch.setattr(doctor.shutil, "which", lambda name: f"bin/{name}" if name == "code" else None)


def test_a_machine_that_can_do_the_workshop(prepared, monkeypatch):
    library = os.path.dirname(os.path.dirname(doctor.package.__file__))
    monkeypatch.setenv("PYTHONPATH", library)  # as it is installed for a learner
    findings = examine_workshop()
    assert list(findings)[-1] == "verdict" and findings["verdict"] == READY
    assert findings["notebook_kernel"].startswith("starts in ")
    assert findings["editor"].endswith("code")
    assert findings["packages"] == "installed" and findings["builtin_bert"].startswith("builtin-bert, ")
    assert all(isinstance(finding, str) and "\n" not in finding for finding in findings.values())


def test_a_kernel_of_another_python_is_told(prepared, monkeypatch, tmp_path):
    other = tmp_path / "bert_compression"
    other.mkdir()
    (other / "__init__.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    findings = examine_workshop()
    assert findings["notebook_kernel"] == (
        f"missing: no kernel with this package: it has {other / '__init__.py'}"
    )
    assert findings["verdict"] == "workshop: lacks notebook kernel"


def test_what_a_workshop_lacks_is_named(monkeypatch):
    found = doctor.find_spec

    def not_there():
        raise Failure("the committed records are missing: start the notebook in a clone of the project")

    hidden = {"nbclient", "jupyterlab", "notebook"}
    monkeypatch.setattr(doctor, "find_spec", lambda name: None if name in hidden else found(name))
    monkeypatch.setattr(doctor, "real_models", not_there)
    monkeypatch.setattr(doctor, "_kernel", lambda: "starts")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    memory, disk = psutil.virtual_memory(), shutil.disk_usage("/")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory._replace(available=2**30))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: disk._replace(free=2**28))
    findings = examine_workshop()
    assert findings["packages"] == "missing: nbclient"
    assert findings["prepared"].startswith("missing: the committed records are missing")
    assert (findings["free_memory"], findings["free_disk"]) == (
        "missing: 1.0 GiB of 2",
        "missing: 0.2 GiB of 1",
    )
    assert findings["editor"].startswith("missing: `pip install jupyterlab`")
    assert findings["verdict"] == "workshop: lacks packages, prepared, free memory, free disk, editor"


@pytest.mark.parametrize("editor", ["jupyterlab", "notebook", "codium", None])
def test_a_machine_that_opens_no_notebook_is_not_ready(editor, prepared, monkeypatch):
    editors = {"jupyterlab", "notebook"}
    found = doctor.find_spec
    monkeypatch.setattr(
        doctor, "find_spec", lambda name: found(name) if name not in editors else name == editor or None
    )
    monkeypatch.setattr(doctor.shutil, "which", lambda name: f"bin/{name}" if name == editor else None)
    monkeypatch.setattr(doctor, "_kernel", lambda: "starts")
    findings = examine_workshop()
    assert findings["verdict"] == (READY if editor else "workshop: lacks editor")
    assert findings["editor"] == editor or not editor
