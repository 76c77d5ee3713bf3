"""Several processes train one model: on the same batches, to the same losses and weights as one process.

As a script, started by torchrun, it is one of these processes: it writes what each training came to into the
folder that it is told.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from bert_compression.compression import Distillation, Replacing, load_model, replace_modules
from bert_compression.tasks.batching import Encoded
from bert_compression.training import CrossEntropy, Evaluate, TrainingSettings, train

PAGE = Path(__file__).parents[1] / "book" / "about" / "many_machines.md"
TEXTS, STEPS = 11, 6  # two epochs of batches of 5, 5 and 1: for one process more than for the other, or all
RANDOM = np.random.default_rng(0)
IDS = [[1, *RANDOM.integers(2, 100, length).tolist()] for length in RANDOM.integers(3, 12, TEXTS)]
LABELS = [int(number) for number in RANDOM.integers(0, 2, TEXTS)]
ANSWERS = torch.from_numpy(RANDOM.normal(size=(TEXTS, 2)).astype(np.float32))


class Seen(CrossEntropy):
    """Notes the examples that it is given, and what is drawn next at random."""

    needs = ("row",)

    def __init__(self):
        self.rows: list[list[int]] = []
        self.drawn: list[float] = []

    def __call__(self, student, batch):
        self.rows.append(batch["row"].tolist())
        self.drawn.append(float(torch.rand(())))
        return super().__call__(student, batch)


def bert(seed: int = 0, dropout: float = 0.0) -> BertForSequenceClassification:
    torch.manual_seed(seed)
    sizes = {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 64}
    config = BertConfig(
        vocab_size=100, **sizes, initializer_range=0.2, hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )  # fmt: skip
    return BertForSequenceClassification(config).eval()


def trainings(accelerator=None) -> dict[str, dict]:
    """What each training comes to; with an accelerator, in each of its processes."""
    texts = Encoded(IDS, [[0] * len(ids) for ids in IDS], truncated=0, pad_id=0)
    settings = TrainingSettings(epochs=2, batch_size=5, learning_rate=5e-3)
    rows, answers = {"row": torch.arange(TEXTS)}, {"teacher_logits": ANSWERS}
    number = accelerator.process_index if accelerator else 0
    found = {}

    def take(name, model, objective, extras=None, evaluate=None):
        told = []

        def progress(done, total):
            told.append(done)

        result = train(model, texts, LABELS, objective, settings, extras, progress, evaluate, accelerator)
        found[name] = {
            "losses": result.losses,
            "weights": [float(p.double().pow(2).sum()) for p in model.parameters()],
            "rows": getattr(objective, "rows", None),
            "drawn": getattr(objective, "drawn", None),
            "told": told,
            "evaluations": result.evaluations,
        }

    take("labels", bert(seed=number), Seen(), rows)  # all begin with the weights of the first
    take("teacher", bert(), Distillation(), answers, Evaluate(lambda model: -norm(model), every=3))
    take("dropout", bert(dropout=0.3), CrossEntropy())
    # Each process draws its own layers, and in some steps one of them alone has any that learn.
    take("replacing", replace_modules(bert(), 2), Replacing(CrossEntropy(), k=0.0, b=0.5))
    return found


def norm(model) -> float:
    return float(sum(p.abs().sum() for p in model.parameters()))


def in_two(script: Path, *arguments: str, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    return subprocess.run([*command, script, *arguments], capture_output=True, text=True, **options)


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> list[dict]:
    """What the trainings come to in each of two processes."""
    pytest.importorskip("accelerate")
    folder = tmp_path_factory.mktemp("two")
    ended = in_two(Path(__file__), str(folder))
    assert ended.returncode == 0, ended.stderr
    return [json.loads((folder / f"{number}.json").read_text()) for number in range(2)]


@pytest.fixture(scope="module")
def one() -> dict:
    return trainings()


@pytest.mark.parametrize("name", ["labels", "teacher"])
def test_two_processes_have_the_losses_the_weights_and_the_scores_of_one(one, two, name):
    assert len(one[name]["losses"]) == STEPS
    assert np.ptp(one[name]["losses"]) > 0.05
    for each in two:
        for what in ("losses", "weights", "evaluations"):
            np.testing.assert_allclose(each[name][what], one[name][what], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["labels", "teacher", "dropout", "replacing"])
def test_both_processes_come_out_alike_to_the_last_bit_and_the_first_one_alone_reports(two, name):
    first, second = (dict(each[name]) for each in two)
    assert (first.pop("told"), second.pop("told")) == (list(range(1, STEPS + 1)), [])
    for what in ("rows", "drawn"):
        del first[what], second[what]
    assert first == second


def test_each_example_of_a_batch_is_read_by_one_process(one, two):
    whole, *parts = (each["labels"]["rows"] for each in (one, *two))
    for batch, first, second in zip(whole, *parts, strict=True):
        if len(batch) == 1:
            assert first == second == batch  # the second reads it for nothing
        else:
            assert sorted(first + second) == sorted(batch) and (len(first), len(second)) == (3, 2)


def test_each_process_draws_dropout_of_its_own_and_the_main_one_what_one_process_draws(one, two):
    alone, first, second = (each["labels"]["drawn"] for each in (one, *two))
    assert first == alone and not set(first) & set(second)


def test_an_accelerator_of_one_process_changes_no_bit(one):
    accelerate = pytest.importorskip("accelerate")
    assert trainings(accelerate.Accelerator(cpu=True)) == one


def test_the_script_of_the_page_trains_and_saves_one_model(tmp_path):
    pytest.importorskip("accelerate")
    page = PAGE.read_text(encoding="utf-8")
    (script,) = re.findall(r"```python\n(from accelerate .*?)```", page, flags=re.DOTALL)
    path = tmp_path / "my_training.py"
    path.write_text(script)
    ended = in_two(path, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("steps") == 1
    assert load_model(tmp_path / "my_model").config.num_labels == 2


if __name__ == "__main__":
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    assert accelerator.num_processes == 2
    (Path(sys.argv[1]) / f"{accelerator.process_index}.json").write_text(json.dumps(trainings(accelerator)))
