"""The sentence about classifiers that do not read: of this profile's data, and printed as measured."""

import re

from bert_compression.report.baselines import baselines_in_words
from bert_compression.tasks import load_examples, open_source
from bert_compression.tasks.baselines import trivial_baselines
from bert_compression.tasks.glue import get_task


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
