"""Where examples come from, that the same ones come whatever the source, and what each complaint says."""

import re

import pandas as pd
import pytest

from bert_compression.errors import BadInput
from bert_compression.smoke import GENERATED
from bert_compression.tasks import TASKS, Examples, Task, get_task, load_examples, open_source
from bert_compression.tasks.sources import BuiltinSource, FolderSource, HubSource

SST2, MNLI, STSB = TASKS["sst2"], TASKS["mnli"], TASKS["stsb"]
PAIRS = Task("pairs", ("premise", "hypothesis"), ("yes", "maybe", "no"), ("glue", "pairs"), {"train": 2})
GOOD = pd.DataFrame(
    {"sentence": [f"sentence {i}" for i in range(40)], "label": [i % 2 for i in range(40)], "idx": range(40)}
)


@pytest.fixture
def folder(tmp_path):
    """Writes a table as a split of a task, and gives the source that reads it."""

    def write(table: pd.DataFrame, split: str = "validation", task: Task = SST2) -> FolderSource:
        path = tmp_path / "glue" / task.name / f"{split}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_parquet(path)
        return FolderSource(tmp_path)

    return write


def refused(message: str):
    return pytest.raises(BadInput, match=f"^{re.escape(message)}$")


# Which source


def test_the_profile_the_argument_and_the_environment_choose_the_source(tmp_path, monkeypatch):
    (tmp_path / "glue").mkdir()
    monkeypatch.delenv("BERT_COMPRESSION_DATA", raising=False)
    assert open_source(None, builtin=True) == BuiltinSource()
    assert open_source(None, builtin=False) == HubSource()
    assert open_source(tmp_path, builtin=False) == FolderSource(tmp_path)
    monkeypatch.setenv("BERT_COMPRESSION_DATA", str(tmp_path))
    assert open_source(None, builtin=False) == FolderSource(tmp_path)
    assert open_source(None, builtin=True) == BuiltinSource()
    assert [source.name for source in (BuiltinSource, HubSource, FolderSource)] == [
        "builtin",
        "hub",
        "folder",
    ]


def test_a_folder_beside_a_builtin_profile_is_refused(tmp_path):
    with refused("this profile uses the built-in tasks: leave --data out, or choose --profile small"):
        open_source(tmp_path, builtin=True)


def test_a_missing_folder_is_refused(tmp_path):
    nowhere = tmp_path / "nowhere"
    with refused(f"the data folder {nowhere} does not exist: give the folder that holds glue/"):
        open_source(nowhere, builtin=False)


def test_an_empty_folder_is_refused(tmp_path):
    with refused(f"the data folder {tmp_path} is empty: it should hold glue/<task>/<split>.parquet"):
        open_source(tmp_path, builtin=False)


def test_an_unknown_task_is_refused():
    assert get_task("sst2") is SST2
    with refused(f"unknown task 'sst3': choose one of {', '.join(TASKS)}"):
        get_task("sst3")


# A folder


def test_a_folder_gives_texts_and_labels_in_their_order(folder):
    examples = load_examples(folder(GOOD), SST2, "validation")
    assert examples.texts == tuple((text,) for text in GOOD["sentence"])
    assert examples.labels == tuple(GOOD["label"]) and len(examples) == 40
    assert all(type(label) is int for label in examples.labels)


def test_a_part_of_a_split_is_found_under_its_own_name_and_the_larger_comes_first(folder):
    source = folder(GOOD.head(2), "train_textfooler1k")
    assert len(load_examples(source, SST2, "train")) == 2
    folder(GOOD.head(3), "train_subset")
    assert len(load_examples(source, SST2, "train")) == 3
    folder(GOOD, "train")
    assert len(load_examples(source, SST2, "train")) == 40


def test_line_breaks_of_reviews_are_no_words(tmp_path):
    place = tmp_path / "sets" / "imdb"
    place.mkdir(parents=True)
    texts = ["Good.<br /><br />Very good.", "a < b, brown<br/>"]
    pd.DataFrame({"text": texts, "label": [1, 0]}).to_parquet(place / "test.parquet")
    examples = load_examples(FolderSource(tmp_path), get_task("imdb"), "test")
    assert examples.texts == (("Good.\n\nVery good.",), ("a < b, brown<br/>",))


def test_both_columns_of_a_pair_are_read(folder):
    table = pd.DataFrame({"premise": ["a", "b"], "hypothesis": ["c", "d"], "label": [2, 0]})
    examples = load_examples(folder(table, "train", PAIRS), PAIRS, "train")
    assert examples == Examples((("a", "c"), ("b", "d")), (2, 0))


def test_every_split_of_mnli_is_read_from_its_own_file(folder):
    pairs = pd.DataFrame({"premise": ["a", "b", "c"], "hypothesis": ["d", "e", "f"], "label": [2, 0, 1]})
    for size, split in enumerate(MNLI.rows, start=1):
        source = folder(pairs.head(size), split, MNLI)
    found = {split: load_examples(source, MNLI, split) for split in MNLI.rows}
    assert [len(found[split]) for split in ("train", *MNLI.evaluated)] == [1, 2, 3]
    assert found["validation_mismatched"].texts == (("a", "d"), ("b", "e"), ("c", "f"))
    with refused("mnli/train from the folder source, row 0: the label is -1, but must be one of "
                 "0 (entailment), 1 (neutral), 2 (contradiction)"):  # fmt: skip
        load_examples(folder(pairs.assign(label=-1), "train", MNLI), MNLI, "train")


def test_a_missing_file_is_named(folder, tmp_path):
    source = folder(GOOD, "train")
    wanted = tmp_path / "glue" / "sst2" / "validation.parquet"
    with refused(f"sst2 needs {wanted}, which does not exist"):
        load_examples(source, SST2, "validation")


def test_a_broken_file_is_refused_in_one_line(folder, tmp_path):
    source = folder(GOOD)
    path = tmp_path / "glue" / "sst2" / "validation.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadInput, match=f"^{re.escape(str(path))} cannot be read as parquet: [^\n]+$"):
        load_examples(source, SST2, "validation")


# What examples must be

WHERE = "sst2/validation from the folder source"


def test_a_missing_column_is_refused_with_those_there_are(folder):
    with refused(f"{WHERE} lacks the column 'sentence'; it has text, label"):
        load_examples(folder(pd.DataFrame({"text": ["a"], "label": [0]})), SST2, "validation")
    with refused(f"{WHERE} lacks the column 'label'; it has sentence, idx"):
        load_examples(folder(GOOD[["sentence", "idx"]]), SST2, "validation")


def test_a_split_without_examples_is_refused(folder):
    with refused(f"{WHERE} holds no examples"):
        load_examples(folder(GOOD.head(0)), SST2, "validation")


@pytest.mark.parametrize(("label", "shown"), [(-1, "-1"), (2, "2"), (0.5, "0.5"), (None, "nan")])
def test_a_label_out_of_range_is_refused_with_its_row(folder, label, shown):
    """-1 is how GLUE marks the hidden labels of its test sets."""
    table = GOOD.assign(label=[0, 1, 1, label, *[0] * 36])
    with refused(f"{WHERE}, row 3: the label is {shown}, but must be one of 0 (negative), 1 (positive)"):
        load_examples(folder(table), SST2, "validation")


def test_labels_in_words_are_refused(folder):
    table = GOOD.assign(label="positive")
    message = f"{WHERE}, row 0: the label is positive, but must be one of 0 (negative), 1 (positive)"
    with refused(message):
        load_examples(folder(table), SST2, "validation")


@pytest.mark.parametrize(
    ("text", "shown"),
    [("", "''"), ("  \n", r"'  \n'"), ("\u200b", r"'\u200b'"), ("\ufeff\x07 \u0301", r"'\ufeff\x07 \u0301'")],
)
def test_an_empty_text_is_refused_with_its_row(folder, text, shown):
    table = GOOD.assign(sentence=[*GOOD["sentence"][:7], text, *GOOD["sentence"][8:]])
    with refused(f"{WHERE}, row 7: the sentence is empty or no text ({shown})"):
        load_examples(folder(table), SST2, "validation")


def test_a_missing_text_is_refused_with_its_row_and_column(folder):
    table = pd.DataFrame({"premise": ["a", "b"], "hypothesis": ["c", None], "label": [2, 0]})
    start = re.escape("pairs/train from the folder source, row 1: the hypothesis is empty or no text (")
    with pytest.raises(BadInput, match=rf"^{start}(nan|None)\)$"):
        load_examples(folder(table, "train", PAIRS), PAIRS, "train")


def test_an_unknown_split_is_refused(folder):
    with refused("sst2 has no split 'test': choose one of train, validation"):
        load_examples(folder(GOOD), SST2, "test")
    with refused(
        "mnli has no split 'validation': choose one of train, validation_matched, validation_mismatched"
    ):
        load_examples(folder(GOOD), MNLI, "validation")


@pytest.mark.parametrize("size", [0, 41, -3])
def test_more_examples_than_there_are_or_none_are_refused(folder, size):
    with refused(
        f"{WHERE} holds 40 examples, and {size} are asked for: give data with as many, or ask for 1 to 40 "
        "(the profile says how many)"
    ):
        load_examples(folder(GOOD), SST2, "validation", size)


# A part, drawn once and for all


def test_a_part_is_always_the_same_and_is_no_mere_beginning(folder):
    source = folder(GOOD)
    part = load_examples(source, SST2, "validation", 10)
    assert part == load_examples(source, SST2, "validation", 10)
    rows = [int(text.split()[1]) for (text,) in part.texts]
    assert rows == sorted(set(rows)) and len(rows) == 10 and rows != list(range(10))
    assert part.labels == tuple(row % 2 for row in rows)
    assert load_examples(source, SST2, "validation", 40) == load_examples(source, SST2, "validation")


def test_the_digest_knows_every_text_label_and_their_order():
    examples = Examples((("a", "b"), ("c", "d")), (0, 1))
    assert examples.digest == Examples((("a", "b"), ("c", "d")), (0, 1)).digest
    others = [
        Examples((("a", "b"), ("c", "e")), (0, 1)),
        Examples((("a", "b"), ("c", "d")), (1, 1)),
        Examples((("c", "d"), ("a", "b")), (1, 0)),
        Examples((("ab", ""), ("c", "d")), (0, 1)),
        Examples((("a", "b"),), (0,)),
    ]
    assert len({examples.digest, *(other.digest for other in others)}) == 6


# The hub


def test_the_hub_gives_the_same_part_and_digest_as_a_folder(folder, tmp_path, monkeypatch):
    import datasets

    asked = []

    def from_disk(*names, split):
        asked.append((*names, split))
        path = tmp_path / "glue" / names[1] / f"{split}.parquet"
        return datasets.Dataset.from_parquet(str(path), cache_dir=str(tmp_path / "cache"))

    source = folder(GOOD)
    monkeypatch.setattr(datasets, "load_dataset", from_disk)
    for size in (None, 10):
        from_hub = load_examples(HubSource(), SST2, "validation", size)
        from_folder = load_examples(source, SST2, "validation", size)
        assert from_hub == from_folder and from_hub.digest == from_folder.digest
    assert from_hub != load_examples(source, SST2, "validation", 11)
    assert asked == [("glue", "sst2", "validation")] * 2


def test_a_hub_out_of_reach_costs_one_line_and_one_question(no_network, tmp_path, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    start = "glue/sst2 is neither in the cache nor to be had from the hub: give a folder with --data "
    for _ in range(2):
        with pytest.raises(BadInput, match=rf"^{re.escape(start)}\(\w+\)$"):
            load_examples(HubSource(), SST2, "train")
    assert no_network == [("huggingface.co", 443)]


# The built-in language, and the real thing


@pytest.mark.parametrize(
    "task", [task for task in TASKS.values() if task.name in GENERATED], ids=lambda task: task.name
)
def test_the_builtin_source_gives_checked_examples_of_every_split(task):
    parts = {split: load_examples(BuiltinSource(), task, split, 50) for split in task.rows}
    for examples in parts.values():
        expected = {0, 1, 2, 3, 4, 5} if task.regression else set(range(len(task.labels)))
        found = {len(label) for label in examples.labels} if task.spans else set(examples.labels)
        assert len(examples) == 50 and found == ({0, 1} if task.spans else expected)
        assert {len(texts) for texts in examples.texts} == {len(task.columns)}
    assert len({examples.digest for examples in parts.values()}) == len(parts)


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_a_task_is_evaluated_on_splits_that_it_has_and_attacked_in_a_column_that_it_has(task):
    assert set(task.evaluated) == task.rows.keys() - {"train"}
    assert task.attacked in range(len(task.columns))


def test_of_mnli_the_matched_pairs_come_first_and_the_hypothesis_is_attacked():
    assert MNLI.evaluated == ("validation_matched", "validation_mismatched")
    assert MNLI.columns[MNLI.attacked] == "hypothesis"


def test_the_real_sst2_has_its_official_sizes(real_data):
    source = open_source(real_data, builtin=False)
    train, validation = (load_examples(source, SST2, split) for split in ("train", "validation"))
    assert (len(train), len(validation)) == (67_349, 872)
    assert {split: len(part) for split, part in (("train", train), ("validation", validation))} == SST2.rows
    assert sum(validation.labels) == 444
    assert train.digest != validation.digest


def test_the_real_mnli_has_its_official_matched_pairs_and_parts_of_the_others(real_data):
    source = open_source(real_data, builtin=False)
    parts = {split: load_examples(source, MNLI, split) for split in MNLI.rows}
    assert len(parts["validation_matched"]) == MNLI.rows["validation_matched"] == 9_815
    counts = [parts["validation_matched"].labels.count(label) for label in range(3)]
    assert counts == [3_479, 3_123, 3_213]  # of the official set
    assert len(parts["train"]) >= 8_000 and len(parts["validation_mismatched"]) >= 1_000
    matched, train = (set(parts[split].texts) for split in ("validation_matched", "train"))
    assert not matched & train
    small = load_examples(source, MNLI, "validation_matched", 400)
    assert set(small.texts) < matched and len(small) == 400


# Regression targets, and what was held out


def test_regression_targets_are_read_as_numbers_and_checked(folder):
    table = pd.DataFrame({"sentence1": ["a", "b"], "sentence2": ["c", "d"], "label": [5.0, 2.4]})
    assert load_examples(folder(table, "train", STSB), STSB, "train").labels == (5.0, 2.4)
    for wrong in (5.1, -0.1, float("nan")):
        table.loc[1, "label"] = wrong
        with refused(f"stsb/train from the folder source, row 1: the label is {wrong}, but must lie in 0..5"):
            load_examples(folder(table, "train", STSB), STSB, "train")


def test_what_was_held_out_serves_for_validation_and_for_nothing_else(folder):
    source = folder(GOOD.head(7), "heldout_subset")
    assert len(load_examples(source, SST2, "validation")) == 7
    with pytest.raises(BadInput, match="which does not exist"):
        load_examples(source, SST2, "train")
    folder(GOOD, "validation")
    assert len(load_examples(source, SST2, "validation")) == 40


def test_the_real_sets_of_all_tasks_are_read(real_data):
    for name in TASKS.keys() - {"newsqa", "films"}:
        task = TASKS[name]
        for split in task.rows:
            examples = load_examples(FolderSource(real_data), task, split)
            assert 0 < len(examples) <= task.rows[split]
            assert len(set(examples.labels)) == (len(task.labels) or len(set(examples.labels)))


# Names of labels


def named(path, names, labels=(0, 1)):
    """A file of `datasets` whose labels have these names."""
    datasets = pytest.importorskip("datasets")
    kinds = {"sentence": datasets.Value("string"), "label": datasets.ClassLabel(names=list(names))}
    table = {"sentence": ["lovely", "awful"], "label": list(labels)}
    file = path / "glue" / "sst2" / "train.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    datasets.Dataset.from_dict(table, features=datasets.Features(kinds)).to_parquet(file)
    return FolderSource(path)


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (("negative", "positive"), (0, 1)),
        (("positive", "negative"), (1, 0)),
        (("Pos", "Neg"), (1, 0)),
        (("LABEL_0", "LABEL_1"), (0, 1)),
        (("0", "1"), (0, 1)),
    ],
)
def test_labels_are_those_of_the_task_whatever_their_order_in_the_data(tmp_path, names, labels):
    assert load_examples(named(tmp_path, names), SST2, "train").labels == labels


@pytest.mark.parametrize("names", [("bad", "good"), ("positive", "pos"), ("negative", "neutral")])
def test_names_of_other_labels_are_refused(tmp_path, names):
    message = (
        f"sst2/train from the folder source calls its labels {', '.join(names)}, and sst2 has negative, "
    )
    with refused(f"{message}positive: rename them"):
        load_examples(named(tmp_path, names), SST2, "train")


def test_the_hub_names_its_labels_too(monkeypatch):
    datasets = pytest.importorskip("datasets")
    found = datasets.Dataset.from_dict(
        {"sentence": ["lovely", "awful"], "label": [0, 1]},
        features=datasets.Features(
            {
                "sentence": datasets.Value("string"),
                "label": datasets.ClassLabel(names=["positive", "negative"]),
            }
        ),
    )
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: found)
    assert load_examples(HubSource(), SST2, "train").labels == (1, 0)
