"""What is told of models that do not read: of this profile's data, and printed as measured."""

import re

from bert_compression.report.baselines import baselines_in_words, baselines_table, never_answering
from bert_compression.tasks import load_examples, open_source
from bert_compression.tasks.baselines import trivial_baselines
from bert_compression.tasks.catalogue import get_task


def test_the_sentence_prints_what_the_baselines_score():
    task, source = get_task("mnli"), open_source(None, builtin=True)
    found = trivial_baselines(
        load_examples(source, task, "train", 1000), load_examples(source, task, "validation_matched")
    )
    text = str(baselines_in_words("mnli", "smoke"))
    assert "(smoke)" in text
    printed = [float(number) for number in re.findall(r"([\d.]+)\u00a0%", text)]
    assert printed == [round(100 * share, 1) for share in found.values()] and len(printed) == 3
    assert len(re.findall("\u00a0%", str(baselines_in_words("sst2", "smoke")))) == 2


def test_the_table_has_a_line_a_task_and_a_dash_where_a_baseline_makes_no_sense():
    shown = baselines_table(("stsb", "cola", "rte"), "smoke")
    lines = re.findall(r"<tr>(.*?)</tr>", shown.html)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line) for line in lines]
    assert cells[0] == ["Task", "hypothesis only", "bag of words", "majority"]
    assert [row[0] for row in cells[1:]] == ["stsb", "cola", "rte"]
    assert [[cell == "–" for cell in row[1:]] for row in cells[1:]] == [
        [False, False, True],
        [True, False, False],
        [False, False, False],
    ]
    source = open_source(None, builtin=True)
    rte = [load_examples(source, get_task("rte"), split) for split in ("train", "validation")]
    assert cells[3][3] == f"{100 * trivial_baselines(*rte)['majority']:.1f}"


def test_who_never_answers_is_right_where_there_is_no_answer(record):
    records = [
        record("finetune", "large", 0, {}),
        record("answer", "tiny", 0, status="failed"),
        record("answer", "large", 0, {"exact_match": 0.5}, {"answerable": "0110100011"}),
    ]
    text = str(never_answering({"small": records, "this run (smoke)": []}))
    assert text == "Exact match and F1 of who never answers: “small” 50.0\u00a0%."
    assert str(never_answering({"small": []})).endswith("nothing yet.")
