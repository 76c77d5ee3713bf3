"""The models of Wu et al. 2022: one recipe, whose settings are what a line of the appendix names.

What the appendix leaves open is a setting of its own here, with a comment where it has its value.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bert_compression.checks import checked, in_range, one_of
from bert_compression.compression import uniform_layers
from bert_compression.errors import BadInput, shown
from bert_compression.experiments import Grid, Job, recipe, steps
from bert_compression.papers import miniature

# Of BERT-base's 12 layers, counted from 0, those that a student begins with. Six and five: the released
# configurations; four: evenly spaced, since the paper does not say.
SELECTIONS: dict[str, tuple[int, ...]] = {
    "all": tuple(range(12)),
    "skip6": (1, 3, 5, 7, 9, 11),
    "skip5": (2, 4, 6, 8, 10),
    "skip4": (2, 5, 8, 11),
    "top6": (6, 7, 8, 9, 10, 11),
    "bottom6": (0, 1, 2, 3, 4, 5),
}
# Six-layer students that were distilled before any task.
STARTS = {"tinybert6": "tinybert", "minilm6": "minilm"}
BITS = (1, 2, 32)
MOST_STAGES = 3
ACTIVATIONS = ("per_token", "clipped")  # how these are rounded: see `quantize`
PRECISION = "fp32"  # of all students and their teachers, so that what two tables share is one model
SELECTED_BY = {"cola": "matthews", "stsb": "pearson"}  # elsewhere accuracy (appendix B.2; DeepSpeed's code)
FIRST_RATE = 2.5  # appendix B.1: times the learning rate, in the first of several stages
COPIES = {"sst2": 20, "qnli": 20, "mnli": 10, "qqp": 10}  # TinyBERT's code; elsewhere 30
# Optimizer steps of the budgets: those of Budget-A from the sizes and batches of Table C.1 (one epoch of
# augmented texts, three of MNLI and QQP), and what B and C are to it. The ratios are our reading of the main
# text, which is not at hand.
PAPER_STEPS = {
    "cola": 13_678,
    "mnli": 36_816,
    "mrpc": 7_067,
    "qnli": 133_556,
    "qqp": 34_113,
    "rte": 4_559,
    "sst2": 35_433,
    "stsb": 10_231,
}
BUDGETS = ("A", "B", "C")
LARGE = ("mnli", "qqp", "qnli")  # whose Budget-C is six times Budget-A
# In full precision, twelve times: the tutorial has 36 epochs there, and 18 for few bits.
LONGER_IN_FULL = ("mnli", "qqp")


@dataclass(frozen=True)
class Sizes:
    """What a profile's size means for this paper.

    `layers` are those of the encoder; `steps` the optimizer steps of each budget, None for the paper's;
    `rate` multiplies the paper's learning rates, whose ratios stay. `train` is how many training examples of
    a task are used, all where it is not named, in batches of `batch`, None for the paper's. A student answers
    so many texts that are `evaluated`, None for all, every so many steps (`every`, by task). `tasks` are
    those measured. `copies` of each text are made where texts are augmented, None for the paper's;
    `augmented` says whether the tables are measured on augmented texts, as the paper's are. `checkpoints`
    names encoders on the hub that were distilled before any task; where there are none they are made as
    `task_agnostic` says.
    """

    layers: int
    tasks: tuple[str, ...]
    steps: Mapping[str, int] | None
    rate: float = 1.0
    train: Mapping[str, int] = field(default_factory=dict)
    every: Mapping[str, int] = field(default_factory=dict)
    copies: int | None = None
    augmented: bool = False
    batch: int | None = None
    evaluated: int | None = None
    checkpoints: Mapping[str, str] = field(default_factory=dict)
    task_agnostic: Mapping[str, float] = field(default_factory=dict)


ALL_TASKS = ("cola", "mnli", "mrpc", "qnli", "qqp", "rte", "sst2", "stsb")
SIZES = {
    "smoke": Sizes(
        layers=12,
        tasks=("rte", "cola"),
        steps={"A": 3, "B": 9, "C": 18},
        rate=10.0,
        train=dict.fromkeys(ALL_TASKS, 256),
        copies=2,
        batch=8,
        evaluated=100,
        task_agnostic={"epochs": 1, "batch_size": 32, "learning_rate": 5e-4, "warmup": 0.1},
    ),
    "small": Sizes(
        layers=6,
        # Not RTE: MiniLM's teacher is right in 57.4 % of its 277 pairs (results/small/taylor.jsonl), the
        # larger class is 52.7 %, and nothing can be told of a student.
        tasks=("cola", "stsb"),
        steps={"A": 78, "B": 234, "C": 936},  # Budget-A is an epoch of 2,490 texts
        rate=3.0,
        train=dict.fromkeys(ALL_TASKS, 2_490) | {"mnli": 8_000},  # as the loyalty paper's models have it
        batch=32,
        every=dict.fromkeys(ALL_TASKS, 78) | {"mnli": 936},
        copies=8,
        task_agnostic={"epochs": 3, "batch_size": 32, "learning_rate": 3e-4, "warmup": 0.1},
    ),
    "paper": Sizes(
        layers=12,
        tasks=ALL_TASKS,
        steps=None,
        # TernaryBERT's code evaluates so often.
        every={"cola": 50, "mrpc": 200, "sst2": 200, "rte": 100, "stsb": 50} | dict.fromkeys(LARGE, 1000),
        augmented=True,
        checkpoints={
            "tinybert6": "huawei-noah/TinyBERT_General_6L_768D",
            "minilm6": "nreimers/MiniLMv2-L6-H768-distilled-from-BERT-Base",
        },
    ),
}


def sizes(g: Grid) -> Sizes:
    """Those of the grid's profile."""
    return g.sized(SIZES)


def measured(g: Grid, recipe: Callable[[Grid], Job | None]) -> Job | None:
    """What a line's recipe makes; None where the profile does not measure the task."""
    return recipe(g) if g.task.name in sizes(g).tasks else None


@checked
def kept_layers(selection: str, layers: int) -> list[int] | None:
    """Which layers of an encoder with so many are what the selection is of BERT-base's 12? Skipping takes the
    same share evenly, as TinyBERT's uniform mapping does, top and bottom the same share at the ends; None
    where the share is no whole number. Raises BadInput for another selection, and for less than one layer.

    >>> kept_layers("skip6", 12), kept_layers("skip4", 6), kept_layers("top6", 6), kept_layers("skip5", 6)
    ([1, 3, 5, 7, 9, 11], [2, 5], [3, 4, 5], None)
    """
    one_of(selection, "selection", SELECTIONS)
    in_range(layers, "layers", 1)
    chosen = SELECTIONS[selection]
    if layers == 12:
        return list(chosen)
    if len(chosen) * layers % 12:
        return None
    number = len(chosen) * layers // 12
    if selection.startswith("top"):
        return list(range(layers - number, layers))
    return list(range(number)) if selection.startswith("bottom") else uniform_layers(number, layers)


@recipe
def teacher(g: Grid) -> Job:
    # The paper does not say how; its code takes public checkpoints. TinyBERT's code: 3 epochs at 2e-5.
    return steps.finetune(g, steps.pretrained(g), learning_rate=2e-5, batch_size=32, warmup=0.1)


@checked
@dataclass(frozen=True)
class Student:
    """A line of the appendix: how its model is made.

    With 32 `bits` the layers `layers` of the teacher, or a pretrained six-layer start, learn from the
    teacher. With 1 or 2 bits such a model, made by `start`, is quantized and learns again, from the teacher
    or from the layers `taught_by` of it; or the model that `continues` names goes on with its bits changed.
    `rank` is that of what is added to each matrix. `augmented` says whether texts are augmented; None for
    what the profile says. With a `fixed_start` only the last training has the grid's seed: what it begins
    with, and who teaches, is that of seed 0, as in the paper. `teacher` makes the teacher of a task.

    Raises BadInput for what the paper has not: other bits, layers, budgets, stages or activations, a rank
    below 0, a rate that is not positive, and for what would be built and never looked at.
    """

    bits: int = 32
    layers: str = "all"
    budget: str = "C"
    stages: int = 1
    rate: float = 2e-5
    rank: int = 0
    taught_by: str = "all"
    start: "Student | None" = None
    continues: "Student | None" = None
    augmented: bool | None = None
    activations: str = "per_token"
    fixed_start: bool = False
    teacher: Callable[[Grid], Job] = teacher

    def __post_init__(self):
        if self.bits not in BITS:
            raise BadInput(f"a student has 1, 2 or 32 bits, not {self.bits}")
        for name in ("layers", "taught_by"):
            one_of(getattr(self, name), name, (*SELECTIONS, *STARTS))
        one_of(self.budget, "budget", BUDGETS)
        one_of(self.activations, "activations", ACTIVATIONS)
        in_range(self.stages, "stages", 1, MOST_STAGES)
        in_range(self.rank, "rank", 0)
        if not self.rate > 0:
            raise BadInput(f"rate must be above 0, not {shown(self.rate)}")
        few = self.rank or self.start or self.continues or self.activations != "per_token"
        if self.bits == 32 and few:
            raise BadInput("a student of 32 bits has no rank, no start, no activations and continues nothing")
        if self.start and (self.continues or self.layers == "all"):
            raise BadInput("a start is quantized, and neither the teacher nor what continues another has one")
        if self.continues and self.continues.bits == 32:
            raise BadInput("what continues another goes on with its few bits, and that one has 32")

    @property
    def name(self) -> str:
        """What a row calls it."""
        told = [f"{self.bits}bit", self.layers, self.budget, f"{self.stages}s", f"{self.rate:.0e}"]
        told += [f"rank{self.rank}"] if self.rank else []
        told += [f"from_{self.taught_by}"] if self.taught_by != "all" else []
        told += [f"after_{self.continues.bits}bit"] if self.continues else []
        told += ["augmented" if self.augmented else "plain"] if self.augmented is not None else []
        told += ["fixed_start"] if self.fixed_start else []
        told += [self.activations] if self.activations != "per_token" else []
        return "_".join(told)

    def __call__(self, g: Grid) -> Job | None:
        """The model, or None where the encoder has no such layers."""
        return g.once((self,), lambda: self._made(g))

    def started_from(self, g: Grid) -> Job | None:
        """The model that was quantized."""
        if self.layers == "all":
            return self.teacher(g)
        return (self.start or full_precision(self.layers, self.teacher))(g)

    def _made(self, g: Grid) -> Job | None:
        layers = sizes(g).layers
        before = g.at(seed=0) if self.fixed_start else g
        kept = kept_layers("skip6" if self.layers in STARTS else self.layers, layers)
        whole = self.taught_by == "all"
        learnt_from = (self.teacher if whole else full_precision(self.taught_by, self.teacher))(before)
        if kept is None or learnt_from is None:
            return None
        begun = self._begun(before, kept)
        if begun is None:
            return None
        layer_map = list(range(len(kept))) if self.taught_by != "all" else kept
        return self._distilled(g, begun, learnt_from, layer_map).named(self.name)

    def _begun(self, g: Grid, kept: list[int]) -> Job | None:
        """What learns."""
        if self.continues:
            before = self.continues(g)
            return before and steps.requantize(g, before, self.bits, self.rank)
        if self.bits == 32:
            return _pretrained(g, self.layers) if self.layers in STARTS else self._reduced(g, kept)
        start = self.started_from(g)
        return start and steps.quantize_encoder(g, start, self.bits, self.rank, self.activations)

    def _reduced(self, g: Grid, kept: list[int]) -> Job:
        key = ("reduced", self.layers, self.teacher)
        return g.once(key, lambda: steps.reduce_layers(g, self.teacher(g), kept))

    def _distilled(self, g: Grid, begun: Job, learnt_from: Job, layer_map: list[int]) -> Job:
        size, task = sizes(g), g.task.name
        augmented = size.augmented if self.augmented is None else self.augmented
        texts = None
        if augmented and task not in ("mnli", "qqp"):  # Table C.1 augments neither
            texts = augmented_texts(g)
        total = budget_steps(g, self.budget, self.bits)
        return steps.distill_in_stages(
            g,
            begun,
            learnt_from,
            stages=self.stages,
            steps=total,
            layer_map=layer_map,
            first_rate=FIRST_RATE if self.stages > 1 else 1.0,
            selected_by=SELECTED_BY.get(task, "accuracy"),
            every=size.every.get(task, total),
            size=size.train.get(task),
            evaluated=size.evaluated,
            texts=texts,
            learning_rate=self.rate * size.rate,
            batch_size=size.batch or (16 if task == "cola" else 32),
            warmup=0.1,  # appendix B.1; B.2 adds an epoch of warm-up instead
        )


def full_precision(layers: str, teacher: Callable[[Grid], Job] = teacher) -> Student:
    """The model with these layers that quantization starts from, and that teaches in Table C.15. Its learning
    rate is that of C.5's lines which C.8 repeats."""
    return Student(layers=layers, rate=1e-4, teacher=teacher)


def budget_steps(g: Grid, budget: str, bits: int) -> int:
    """How many optimizer steps a budget has for a student with so many bits. Raises BadInput for another
    budget than A, B and C."""
    one_of(budget, "budget", BUDGETS)
    size, task = sizes(g), g.task.name
    if size.steps:
        return size.steps[budget]
    longest = 6 if task in LARGE and not (bits == 32 and task in LONGER_IN_FULL) else 12
    return PAPER_STEPS[task] * {"A": 1, "B": 3, "C": longest}[budget]


def augmented_texts(g: Grid) -> Job:
    """The training texts and their variants, the same for every seed."""
    fixed = g.at(seed=0)
    size = sizes(g)
    copies = size.copies or COPIES.get(g.task.name, 30)
    return steps.augment(fixed, miniature.language_model(fixed), size.train.get(g.task.name), copies)


def _pretrained(g: Grid, layers: str) -> Job:
    """A six-layer encoder that was distilled before any task, under a new head."""
    size = sizes(g)
    if layers in size.checkpoints:
        return steps.pretrained(g, size.checkpoints[layers])
    text = g.at(task=miniature.TEXT)
    encoder = steps.distill_task_agnostic(text, STARTS[layers], 0.5, text.train_size, size.task_agnostic)
    return steps.new_head(g, encoder)
