"""What has been measured, and is no evidence for or against a claim: models that have learnt nothing, and
stand-ins for public checkpoints."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from bert_compression.experiments import per_example
from bert_compression.metrics import ALREADY_WRONG, SCORES, share_interval
from bert_compression.report.records import Source
from bert_compression.report.tables import Row
from bert_compression.tasks import get_task

ANSWERS = ("predict", "answer_qa")
MADE_HERE = "distill_task_agnostic"


def stand_in(source: Source, rows: Iterable[Row], records: Iterable[Mapping]) -> str:
    """Why these records do not speak of the checkpoints that the paper's rows took: because one was made
    here, which has seen a small part of the text. Nothing where they do."""
    taken = [row.label for row in rows if row.checkpoint]
    if not taken:
        return ""
    made = any(each["kind"] == MADE_HERE for each in source.with_inputs(records))
    return f"{taken[0]} begins with a stand-in for its public checkpoint" if made else ""


def learnt_nothing(source: Source, records: Iterable[Mapping], rows: Iterable[Row] = ()) -> str:
    """Which model behind these records does not surely answer better than someone who does not read: always
    with the most frequent label, or with none? Its name, as a table calls it whose row it is, with its seed
    and its score; nothing where all do."""
    guessing = _guessing(source)
    names = {row.method: ", ".join(filter(None, (row.group, row.label))) for row in rows}
    models = {key for record in records for key in _models(source, record)}
    for key in sorted(models & guessing.keys()):
        method, told = guessing[key]
        return f"{names.get(method, method)} {told}"
    return ""


class _Scored(NamedTuple):
    """A model's score on its task's main split, the lower end of its 95 % interval over texts (the score
    itself where the record has none), and what can be had without reading; as shares of one."""

    score: float
    low: float
    baseline: float

    @property
    def words(self) -> str:
        score, low, baseline = (100 * each for each in self)
        surely = f" [{low:.1f}, …]" if self.score > self.baseline else ""
        return f"scores {score:.1f}{surely}, and {baseline:.1f} whoever does not read"


def _scored(source: Source, record: Mapping) -> list[_Scored]:
    """For each score of the record's task that a claim may be in. Empty without the labels."""
    if "exact_match" in record["metrics"]:
        unanswerable = per_example(record, "answerable") == 0
        return [_of(record, "exact_match", record["metrics"]["exact_match"], float(unanswerable.mean()))]
    gold = source.gold.get((record["data"] or {}).get("digest", ""))
    if gold is None or "predictions" not in record["per_example"]:
        return []
    predictions, scores = per_example(record, "predictions"), get_task(record["task"]).scores
    for correlation in ("matthews", "pearson"):
        if correlation in scores:
            return [_of(record, correlation, SCORES[correlation](gold, predictions), 0.0)]
    labels = np.unique(gold)
    always = [np.full(len(gold), label) for label in labels]
    return [
        _of(record, name, SCORES[name](gold, predictions), max(SCORES[name](gold, each) for each in always))
        for name in scores
    ]


def _of(record: Mapping, name: str, score: float, baseline: float) -> _Scored:
    low = record["metrics"].get(f"{name}_low")
    return _Scored(score, score if low is None else low, baseline)


@lru_cache(maxsize=8)
def _guessing(source: Source) -> Mapping[str, tuple[str, str]]:
    """The models that do not surely answer the main split of their task better than someone who does not
    read: by key, the method, and its seed and score in words. Of a model that was attacked and not asked,
    what it answered before the attack counts."""
    found: dict[str, tuple[str, str]] = {}
    done = [record for record in source.records if record["status"] == "ok"]
    answered = [
        record
        for record in done
        if record["kind"] in ANSWERS and record["params"]["split"] == get_task(record["task"]).evaluated[0]
    ]
    asked = {record["inputs"]["model"] for record in answered}
    attacked = [r for r in done if r["kind"] == "attack" and r["inputs"]["model"] not in asked]
    for record in (*answered, *attacked):
        scored = _before_attack(source, record) if record["kind"] == "attack" else _scored(source, record)
        for each in scored:
            if each.low <= each.baseline:
                found[record["inputs"]["model"]] = record["method"], f"at seed {record['seed']} {each.words}"
    return found


def _before_attack(source: Source, record: Mapping) -> list[_Scored]:
    """The accuracy on the attacked texts as they stood. Whoever does not read has the share of the most
    frequent label among them, or, where the labels are not at hand, that of equally many of each."""
    if "outcomes" not in record["per_example"]:
        return []
    right = per_example(record, "outcomes") != ALREADY_WRONG
    gold = source.gold.get((record["data"] or {}).get("digest", ""))
    labels = len(get_task(record["task"]).labels)
    frequent = np.bincount(gold).max() / len(gold) if gold is not None else 1 / labels
    low, _ = share_interval(int(right.sum()), len(right))
    return [_Scored(float(right.mean()), low, float(frequent))]


def _models(source: Source, record: Mapping) -> Iterator[str]:
    """The keys of the models that a measurement was made of."""
    if "model" in record["inputs"]:
        yield record["inputs"]["model"]
        return
    for key in record["inputs"].values():
        if key in source.by_key:
            yield from _models(source, source.by_key[key])
