"""The only training loop. A method supplies an objective; the loop supplies everything else.

AdamW, a linear warm-up and decay of the learning rate, clipped gradients, bf16 autocast where asked for, and
one seed that fixes every draw: on a processor two runs agree to the last bit, whether or not the model is
evaluated on the way. Book: methods/fine_tuning.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from bert_compression.checks import checked, has, in_range
from bert_compression.compression import Objective, as_classes, integer_layers
from bert_compression.compression.distillation import told
from bert_compression.devices import best_device
from bert_compression.errors import BadInput, Failure, shown
from bert_compression.models import check_reads
from bert_compression.tasks.batching import Encoded, shuffled_batches

if TYPE_CHECKING:
    from accelerate import Accelerator


class CrossEntropy:
    """The objective of fine-tuning: cross-entropy with the gold labels, or with the distributions that
    regression targets stand for (`compression.as_classes`)."""

    needs = ()

    def __call__(self, student: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        (logits,) = told(student, batch, "logits")
        return cross_entropy(*as_classes(logits.float(), batch["labels"]))


class SpanCrossEntropy:
    """The objective of extractive QA: the labels of a row are the first and last token of its answer,
    (batch, 2), and the loss is the mean over both of the cross-entropy over the row's tokens (Devlin et al.
    2019, section 4.2)."""

    needs = ()

    def __call__(self, student: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        logits = told(student, batch, "start_logits", "end_logits")
        unseen = batch["attention_mask"] == 0
        starts, ends = (each.float().masked_fill(unseen, -torch.inf) for each in logits)
        first, last = batch["labels"].unbind(dim=1)
        return (cross_entropy(starts, first) + cross_entropy(ends, last)) / 2


SMALLEST_NORM = 1e-12  # gradients that are clipped to 0 teach nothing


@checked
@dataclass(frozen=True)
class TrainingSettings:
    """How to train. `warmup` below 1 is a share of all steps, from 1 on a number of steps. Where `steps` are
    given, so many are taken, whatever the epochs say: the last epoch ends early."""

    epochs: int
    batch_size: int
    learning_rate: float
    warmup: float = 0.1
    weight_decay: float = 0.01
    max_gradient_norm: float = 1.0
    bf16: bool = False
    seed: int = 0
    steps: int | None = None

    def __post_init__(self):
        for name in ("epochs", "batch_size", "learning_rate", "steps"):
            value = getattr(self, name)
            if value is not None and not value > 0 and not (name == "epochs" and self.steps):
                raise BadInput(f"{name} must be positive, not {shown(value)}")
        if self.warmup < 0:
            raise BadInput(f"warmup must not be negative, but is {shown(self.warmup)}")
        in_range(self.weight_decay, "weight_decay", 0)
        in_range(self.max_gradient_norm, "max_gradient_norm", SMALLEST_NORM)
        in_range(self.seed, "seed", 0, 2**63 - 1)


@checked
@dataclass(frozen=True)
class Evaluate:
    """An evaluation every `every` steps and after the last one, and which weights the model comes back with.

    `score(model)` is a number, higher is better. It is asked in evaluation mode and without gradients, may
    move the model to another device, and may draw from torch's generators: training goes on as if it had
    never been asked.

    With `restore_best` the model comes back with the weights of its best evaluation, the first of equal ones;
    without it with its last weights, and `TrainingResult.best_weights` holds the best ones, so that both can
    be kept.
    """

    score: Callable[[nn.Module], float]
    every: int
    restore_best: bool = True

    def __post_init__(self):
        if not self.every >= 1:
            raise BadInput(
                f"every, the steps from one evaluation to the next, must be 1 or more, not {self.every!r}"
            )


@dataclass(frozen=True)
class TrainingResult:
    """Steps taken, the mean loss of the last tenth of them, and the loss at every step.

    With an evaluation also (step, score) of each, and the step and score of the best one; its weights, as
    `model.load_state_dict` takes them, where the model came back with the last.
    """

    steps: int
    final_loss: float
    losses: list[float] = field(repr=False)
    evaluations: list[tuple[int, float]] = field(default_factory=list, repr=False)
    best_step: int | None = None
    best_score: float | None = None
    best_weights: dict[str, torch.Tensor] | None = field(default=None, repr=False)


@checked
def train(
    model: nn.Module,
    examples: Encoded,
    labels: Sequence,
    objective: Objective,
    settings: TrainingSettings,
    extras: dict[str, torch.Tensor] | None = None,
    progress: Callable[[int, int], None] | None = None,
    evaluate: Evaluate | None = None,
    accelerator: "Accelerator | None" = None,
) -> TrainingResult:
    """Train `model` in place; it comes back on the processor, in evaluation mode, with its last weights or,
    where `evaluate` says so, with its best ones.

    With an `accelerate.Accelerator` of several processes, all of which make this call, each reads its part of
    each batch, on a device of its own. They come back with the same weights and losses, to rounding those of
    one process where the loss is a mean over examples and nothing is drawn. Each draws dropout for itself; a
    mean over words counts each process by its examples; the ranges of a quantized model are those of a part.
    `progress` is called in the main process, `evaluate` in each.

    `extras` holds one row an example of what the objective needs, such as {"teacher_logits": (examples,
    classes)}, computed once. `progress(done, total)` is called after each step. Raises Failure with the step
    when the loss (with the last finite one) or a score is not finite, BadInput when something that the
    objective needs is missing, when something is given that it does not need, when numbers of rows differ,
    for labels or texts that the model does not know, and where the loss reaches nothing that may change.
    """
    extras = extras or {}
    has(objective, "objective", "needs", "__call__")
    gold = _checked_labels(model, labels, examples)
    _check(objective, extras, labels, len(examples))
    if any(integer_layers(model)):
        raise BadInput("int8 layers pass no gradient, and cannot be trained: train before quantizing")
    if not any(p.requires_grad for p in model.parameters()):
        raise BadInput("all parameters of the model are frozen: call requires_grad_() on what is to learn")
    check_reads(model, examples.ids)

    # 1. Everything random hangs on the seed: dropout, the order of examples, replaced modules.
    team = _Team(accelerator) if accelerator is not None and accelerator.num_processes > 1 else None
    torch.manual_seed(settings.seed + (team.number if team else 0))
    order = torch.Generator().manual_seed(settings.seed)
    device = accelerator.device if team else best_device()
    model.to(device).train()
    if team:
        team.begin_alike(model)

    # 2. Weight decay on matrices only, not on biases and LayerNorm, as BERT's own code has it.
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)
    total = settings.steps or settings.epochs * math.ceil(len(examples) / settings.batch_size)
    warmup = settings.warmup if settings.warmup >= 1 else settings.warmup * total
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / max(warmup, 1), (total - step) / max(total - warmup, 1))
    )

    # 3. The steps.
    losses: list[float] = []
    best = _Best(evaluate, device, total)
    reached = False
    for indices in islice(_epochs(examples.lengths, settings.batch_size, order), total):
        mine, share = team.part(indices) if team else (indices, 1.0)
        batch = {**examples.batch(mine), "labels": gold[mine]}
        batch |= {name: rows[mine] for name, rows in extras.items()}
        batch = {name: tensor.to(device) for name, tensor in batch.items()}
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.bf16):
            loss = objective(model, batch)
        value = (team.mean(loss, share) if team else loss).item()
        if not math.isfinite(value):
            last = f"{losses[-1]:.4g}" if losses else "none"
            raise Failure(
                f"the loss is {value} at step {len(losses) + 1} of {total} (the loss before: {last}): "
                "try a smaller learning rate"
            )
        # BERT-of-Theseus may draw frozen layers only: such a step teaches nothing.
        if loss.requires_grad:
            loss.backward()
        if team:
            team.average_gradients(trained, share)
        reached = reached or any(p.grad is not None for p in trained)
        nn.utils.clip_grad_norm_(trained, settings.max_gradient_norm)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(value)
        if progress and not (team and team.number):
            progress(len(losses), total)
        best.after(len(losses), model)

    # 4. What came of it.
    model.to("cpu").eval()
    if not reached:
        raise BadInput(
            "the loss of no step reached a parameter of the model that may change, and nothing was learnt: "
            "choose another objective, or call requires_grad_() on what is to learn"
        )
    restored = evaluate is not None and evaluate.restore_best
    if restored:
        model.load_state_dict(best.weights)
    tail = losses[-max(1, len(losses) // 10) :]
    return TrainingResult(
        steps=len(losses),
        final_loss=sum(tail) / len(tail),
        losses=losses,
        evaluations=best.evaluations,
        best_step=best.step,
        best_score=best.score,
        best_weights=None if restored else best.weights,
    )


def _epochs(lengths: list[int], batch_size: int, order: torch.Generator) -> Iterator[list[int]]:
    """The batches of one epoch after the other, without an end."""
    while True:
        yield from shuffled_batches(lengths, batch_size, order)


class _Team:
    """The processes that train one model together, as that with this `number` sees them."""

    def __init__(self, accelerator: "Accelerator"):
        self.number, self.size = accelerator.process_index, accelerator.num_processes
        self.reduce = accelerator.reduce

    def begin_alike(self, model: nn.Module) -> None:
        """Give the model the weights that it has in the main process."""
        from accelerate.utils import broadcast

        for tensor in model.state_dict().values():
            tensor.copy_(broadcast(tensor.contiguous()))

    def part(self, indices: list[int]) -> tuple[list[int], float]:
        """The examples of a batch that this process reads, and what share of the batch they are. Where there
        are fewer examples than processes, some read one that does not count."""
        mine = indices[self.number :: self.size]
        return mine or indices[:1], len(mine) / len(indices)

    def mean(self, part: torch.Tensor, share: float) -> torch.Tensor:
        """The mean over a batch of what each process has as the mean over its part."""
        return self.reduce((part.detach() * share).contiguous(), reduction="sum")

    def average_gradients(self, parameters: list[nn.Parameter], share: float) -> None:
        """Give each parameter its gradient over the batch, and none where it has none in any process."""
        reached = torch.tensor([float(p.grad is not None) for p in parameters], device=parameters[0].device)
        for parameter, anywhere in zip(parameters, self.mean(reached, 1.0).tolist(), strict=True):
            if anywhere:
                own = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                parameter.grad = self.mean(own, share)


class _Best:
    """Evaluates a model in training, and keeps a copy of its best weights on the processor."""

    def __init__(self, evaluate: Evaluate | None, device: torch.device, total: int):
        self.evaluate, self.device, self.total = evaluate, device, total
        self.evaluations: list[tuple[int, float]] = []
        self.step: int | None = None
        self.score: float | None = None
        self.weights: dict[str, torch.Tensor] | None = None

    def after(self, step: int, model: nn.Module) -> None:
        """Evaluate where it is time to, and leave everything that training uses as it was."""
        if self.evaluate is None or (step % self.evaluate.every and step < self.total):
            return
        modes = {module: module.training for module in model.modules()}
        generators = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(generators), torch.no_grad():
            score = float(self.evaluate.score(model.eval()))
        if not math.isfinite(score):
            raise Failure(f"the evaluation at step {step} of {self.total} gives {score}, which is no score")
        self.evaluations.append((step, score))
        if self.score is None or score > self.score:
            self.step, self.score = step, score
            self.weights = {name: t.to("cpu", copy=True) for name, t in model.state_dict().items()}
        model.to(self.device)
        for module, mode in modes.items():
            module.training = mode


def _checked_labels(model: nn.Module, labels: Sequence, examples: Encoded) -> torch.Tensor:
    """The labels as a tensor. Raises BadInput for what is no label of a class that the model has, no span of
    tokens and no finite regression target."""
    try:
        gold = torch.tensor(labels)
    except (ValueError, TypeError, RuntimeError, OverflowError) as error:
        raise BadInput(f"labels must be numbers, or pairs of them, not {shown(labels)}") from error
    if gold.is_floating_point() and not gold.isfinite().all():
        raise BadInput("labels hold NaN or infinite values")
    spans = gold.ndim == 2 and not gold.is_floating_point()
    classes = max(examples.lengths) if spans else getattr(getattr(model, "config", None), "num_labels", 1)
    if not gold.is_floating_point() and classes > 1 and gold.numel():
        least, largest = int(gold.min()), int(gold.max())
        if not 0 <= least <= largest < classes:
            what = "tokens of the texts" if spans else "classes of the model"
            raise BadInput(f"labels lie in {least}..{largest}, and the {what} are 0..{classes - 1}")
    return gold


def _check(objective: Objective, extras: dict, labels: Sequence, examples: int) -> None:
    missing = [name for name in objective.needs if name not in extras]
    if missing:
        raise BadInput(f"the objective needs {missing[0]} for every training example, and none were given")
    needless = [name for name in extras if name not in objective.needs]
    if needless:
        raise BadInput(
            f"the objective does not need {needless[0]}: leave it out, or choose another objective"
        )
    for name, rows in {"labels": labels, **extras}.items():
        if len(rows) != examples:
            raise BadInput(f"{name}: {len(rows)} rows for {examples} training examples")
