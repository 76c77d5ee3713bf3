"""Tables of questions: three forms of the same, checked answers, and a training set put together of parts."""

import re

import pandas as pd
import pytest

from bert_compression.errors import BadInput
from bert_compression.tasks import TASKS, load_examples
from bert_compression.tasks.examples import first_span, gold_texts
from bert_compression.tasks.sources import FolderSource
from bert_compression.tasks.squad import assembled, in_hub_form

SQUAD2 = TASKS["squad2"]
CONTEXT = "Nina Simone sang in Paris and in Paris."


def table(title="Music", answers=((20, "Paris"), (33, "Paris")), question="Where?", rows=1, **columns):
    text, start = [a for _, a in answers], [b for b, _ in answers]
    return pd.DataFrame(
        {
            "id": [f"{title}-{question}-{i}" for i in range(rows)],
            "title": title,
            "context": CONTEXT,
            "question": [f"{question} {i}" for i in range(rows)],
            "answers": [{"text": text, "answer_start": start}] * rows,
            **columns,
        }
    )


@pytest.fixture
def folder(tmp_path):
    def write(**files):
        place = tmp_path / "sets" / "squad2"
        place.mkdir(parents=True, exist_ok=True)
        for name, each in files.items():
            each.to_parquet(place / f"{name}.parquet")
        return FolderSource(tmp_path)

    return write


def test_a_label_tells_where_each_answer_stands_and_what_it_says(folder):
    examples = load_examples(folder(train=table(rows=2), validation=table(answers=())), SQUAD2, "train")
    assert examples.texts == (("Where? 0", CONTEXT), ("Where? 1", CONTEXT))
    label = examples.labels[0]
    assert label == ((20, "Paris"), (33, "Paris"))
    assert gold_texts(label) == ["Paris", "Paris"]
    begin, end = first_span(label)
    assert CONTEXT[begin:end] == "Paris" and begin == 20
    unanswered = load_examples(folder(), SQUAD2, "validation").labels[0]
    assert unanswered == () and gold_texts(unanswered) == [] and first_span(unanswered) is None
    assert SQUAD2.outputs == 2 and SQUAD2.columns == ("question", "context")


def test_a_folders_and_mrqas_form_say_the_same():
    hub = table()
    columns = hub.drop(columns="answers").assign(
        answer_text=[["Paris", "Paris"]], answer_start=[[20, 33]], is_impossible=False
    )
    mrqa = hub.drop(columns="answers").assign(
        answers=[["Paris", "Paris"]],
        labels=[[{"start": [20, 33], "end": [24, 37]}, {"start": [33], "end": [37]}]],
    )
    for other in (columns, mrqa):
        assert in_hub_form(other, "here")["answers"].tolist() == hub["answers"].tolist()
    assert in_hub_form(hub, "here") is hub


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"text": ["Paris"], "answer_start": [19]}, "the answer 'Paris' does not stand at character 19"),
        ({"text": ["Rome"], "answer_start": [20]}, "the answer 'Rome' does not stand at character 20"),
        ({"text": ["."], "answer_start": [-1]}, "the answer '.' does not stand at character -1"),
        ({"text": [""], "answer_start": [3]}, "the answer '' does not stand at character 3"),
        (
            {"text": ["Paris", "Nina"], "answer_start": [20]},
            "answers must hold text and answer_start, two lists",
        ),
        ({"text": ["Paris"]}, "answers must hold text and answer_start"),
        (["Paris"], "answers must hold text and answer_start"),
    ],
)
def test_answers_that_do_not_stand_in_their_context_are_refused(folder, answers, told):
    source = folder(train=table(), validation=pd.concat([table(), table()]).assign(answers=[None, None]))
    broken = table(rows=2)
    broken["answers"] = [broken["answers"][0], answers]

    class Held:
        name = "test"

        def load(self, task, split):
            return broken

    with pytest.raises(BadInput) as refused:
        load_examples(Held(), SQUAD2, "train")
    assert str(refused.value).startswith(f"squad2/train from the test source, row 1: {told}")
    assert load_examples(source, SQUAD2, "train").labels[0]


def test_without_answers_the_missing_column_is_named(folder):
    with pytest.raises(BadInput, match="lacks the column 'answers'"):
        load_examples(folder(train=table().drop(columns="answers")), SQUAD2, "train")


START = "row 0: labels must hold start and end of each answer"
TEXT = "row 0: answers must hold text and answer_start"


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"labels": [None]}, START),
        ({"labels": [3]}, START),
        ({"labels": ["words"]}, START),
        ({"labels": [[{"end": [6]}]]}, START),
        ({"labels": [[{"start": [], "end": []}]]}, START),
        (
            {"labels": [[{"start": [None], "end": [6]}]]},
            START,
        ),
        ({"labels": [[{"start": 4, "end": 6}]]}, START),
        (
            {"labels": [[{"start": [4.5], "end": [6]}]]},
            START,
        ),
        (
            {"labels": [[{"start": [4], "end": [6]}]], "context": [None]},
            "row 0: the context is no text (None)",
        ),
        (
            {"answers": [{"text": ["Nina"], "answer_start": [0.5]}]},
            TEXT,
        ),
        ({"answers": [{"text": ["Nina"], "answer_start": [1e300]}]}, "row 0: the answer"),
        (
            {"answers": [{"text": ["Nina"], "answer_start": [None]}]},
            TEXT,
        ),
        ({"answer_text": [None], "answer_start": [None]}, TEXT),
    ],
)
@pytest.mark.parametrize("part", ["train", "train_part"], ids=["official", "part"])
def test_labels_of_another_form_are_refused_with_where(folder, part, columns, told):
    broken = table().assign(**columns)
    if not {"answers"} & columns.keys():
        broken = broken.drop(columns="answers")
    source = folder(validation=table("A", answers=()), **{part: broken})
    with pytest.raises(BadInput, match=re.escape(told)):
        load_examples(source, SQUAD2, "train")


# Without the official training set


@pytest.fixture
def parts(folder):
    articles = [table(title, answers=(), rows=2) for title in ("Delta", "Alpha", "Cello", "Bach")]
    return folder(
        validation=pd.concat(articles),
        train_first=table("Paris", rows=3),
        train_more=pd.concat([table("Rome", rows=2), table("Paris", rows=1)]),  # one question stands twice
        squad1dev_rest=table("Oslo"),
    )


def test_every_second_article_is_learnt_from_with_all_other_parts_and_the_rest_is_asked(parts):
    place = parts.folder / "sets" / "squad2"
    learnt, asked = assembled(place, "train"), assembled(place, "validation")
    assert learnt["title"].value_counts().to_dict() == {
        "Paris": 3,
        "Rome": 2,
        "Oslo": 1,
        "Alpha": 2,
        "Cello": 2,
    }
    assert set(asked["title"]) == {"Bach", "Delta"} and len(asked) == 4
    assert not set(learnt["id"]) & set(asked["id"])
    assert len(load_examples(parts, SQUAD2, "train")) == 10
    assert len(load_examples(parts, SQUAD2, "validation")) == 4


def test_of_what_is_learnt_from_a_third_has_no_answer(parts, folder):
    folder(train_many=table("Tokyo", rows=40))
    place = parts.folder / "sets" / "squad2"
    learnt = assembled(place, "train")
    answers = learnt["answers"].map(lambda each: len(each["text"]))
    assert (answers == 0).sum() == 4 and (answers > 0).sum() == 8
    assert learnt["id"].equals(assembled(place, "train")["id"])  # drawn once and for all
    places = [int(name.rsplit("-", 1)[1]) for name in learnt["id"] if name.startswith("Tokyo")]
    assert len(places) > 2 and places == sorted(places) != list(range(len(places)))


def test_of_the_official_articles_no_question_is_dropped_or_their_subjects_would_tell(parts, folder):
    official = pd.concat(
        [table("Alpha", answers=(), rows=3), table("Alpha", question="What?", rows=5), table("Bach")]
    )
    folder(validation=official, train_many=table("Tokyo", rows=40))
    learnt = assembled(parts.folder / "sets" / "squad2", "train")
    answerable = learnt["answers"].map(lambda each: len(each["text"]) > 0)
    assert answerable.groupby(learnt["title"]).sum().to_dict()["Alpha"] == 5
    assert (~answerable).sum() == 3 and answerable.sum() == 6  # one of 45 others
    folder(validation=pd.concat([table("Alpha", answers=()), table("Alpha", question="What?", rows=5)]))
    assert set(assembled(parts.folder / "sets" / "squad2", "train")["title"]) == {"Alpha"}  # they are enough


def test_answers_that_cannot_be_counted_are_told_of_when_they_are_read(parts, folder):
    folder(train_odd=table("Tokyo").assign(answers=[{"text": ["Paris"], "begin": [20]}]))
    with pytest.raises(BadInput, match="answers must hold text and answer_start"):
        load_examples(parts, SQUAD2, "train")


def test_with_the_official_training_set_nothing_is_assembled(parts, folder):
    folder(train=table("All", rows=5))
    place = parts.folder / "sets" / "squad2"
    assert assembled(place, "train") is None and assembled(place, "validation") is None
    assert len(load_examples(parts, SQUAD2, "train")) == 5
    assert len(load_examples(parts, SQUAD2, "validation")) == 8


def test_a_set_that_nobody_learns_from_is_asked_whole(tmp_path):
    place = tmp_path / "sets" / "films"
    place.mkdir(parents=True)
    pd.concat([table("Alpha", rows=2), table("Beta", rows=2)]).to_parquet(place / "validation.parquet")
    assert len(load_examples(FolderSource(tmp_path), TASKS["films"], "validation")) == 4


def test_real_questions_are_read_and_articles_kept_apart(real_data):
    source = FolderSource(real_data)
    train, asked = (load_examples(source, SQUAD2, split) for split in ("train", "validation"))
    for examples in (train, asked):
        unanswerable = sum(not label for label in examples.labels) / len(examples)
        assert 0.3 < unanswerable < 0.6
    assert not {context for _, context in train.texts} & {context for _, context in asked.texts}
    for name in ("subjqa", "policyqa"):
        task = TASKS[name]
        assert len(load_examples(source, task, task.evaluated[0])) == task.rows[task.evaluated[0]]
    with pytest.raises(BadInput, match=r"^newsqa needs .*, which does not exist$"):
        load_examples(source, TASKS["newsqa"], "validation")


@pytest.mark.parametrize("column", ["id", "title", "context", "question", "answers"])
def test_a_part_without_a_column_is_named_with_it(folder, column):
    source = folder(validation=table(rows=2).drop(columns=column))
    path = source.folder / "sets" / "squad2" / "validation.parquet"
    for split in ("train", "validation"):
        with pytest.raises(BadInput, match=f"^{re.escape(str(path))} lacks the column '{column}'; it has "):
            load_examples(source, SQUAD2, split)


@pytest.mark.parametrize("column", ["id", "title"])
@pytest.mark.parametrize(
    "values", [["x", None], [["x"], ["y"]], [0.5, 1.5]], ids=["null", "lists", "numbers"]
)
def test_a_part_whose_questions_have_no_names_is_refused_with_the_row(folder, column, values):
    source = folder(validation=table(rows=2).assign(**{column: values}))
    with pytest.raises(BadInput, match=rf"validation.parquet, row [01]: the {column} is missing or no name"):
        load_examples(source, SQUAD2, "train")


def test_parts_in_the_two_other_forms_stand_beside_the_official_one(folder):
    asked = table("Oslo").drop(columns="answers")
    source = folder(
        validation=table("A", answers=(), rows=4),
        train_mrqa=asked.assign(id="m", labels=[[{"start": [20], "end": [24]}]]),
        train_columns=asked.assign(id="c", answer_text=[["Nina"]], answer_start=[[0]]),
    )
    labels = load_examples(source, SQUAD2, "train").labels
    assert sorted(label for label in labels if label) == [((0, "Nina"),), ((20, "Paris"),)]
