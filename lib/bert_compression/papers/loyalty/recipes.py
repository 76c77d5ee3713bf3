"""The models of Xu et al. 2021: a recipe each, with the hyperparameters of the paper's appendix A.

`warmup` is a number of steps; where the appendix names none, there is none. A recipe's job prints as a chain,
`teacher | truncate | distill`.
"""

from dataclasses import dataclass, field

from bert_compression.experiments import Grid, Job, recipe, steps

HALF = 0.5  # section 4.2: the first 6 of 12 layers
PRUNED = 0.45  # section 4.2: of the heads
TEMPERATURE = 10.0  # section 5: "a fixed temperature of 10"; a distillation loss in the place of labels

# The paper has one row for post-training quantization, and does not say which kind it timed and attacked:
# three kinds stand next to it.
PTQ = {"int8": "real int8", "static": "static ranges", "dynamic": "dynamic ranges"}


@dataclass(frozen=True)
class Sizes:
    """What a profile's size means for this paper's methods.

    `k` is the rate of BERT-of-Theseus's curriculum: it counts steps, so that rate and epochs belong together.
    `decay` is that of the moving average of activation ranges. `checkpoints` names encoders on the hub that
    were distilled before any task; where there are none they are made here, as `task_agnostic` says.
    """

    k: float
    decay: float
    importance: int = 2000  # training examples that heads are ranked by
    calibration: int = 2000  # training examples that ranges are fitted to
    theseus_epochs: int | None = None
    checkpoints: dict[str, str] = field(default_factory=dict)
    task_agnostic: dict[str, float] = field(default_factory=dict)


SIZES = {
    "smoke": Sizes(
        k=0.025,  # all modules are replaced after 20 of the 32 steps
        decay=0.99,  # Q8BERT's 0.9999 would hardly move within a hundred steps
        importance=500,
        calibration=500,
        task_agnostic={"epochs": 1, "batch_size": 32, "learning_rate": 5e-4, "warmup": 0.1},
    ),
    "small": Sizes(
        k=1e-3,  # all modules are replaced after 500 of MNLI's 750 steps
        decay=0.99,
        task_agnostic={"epochs": 3, "batch_size": 32, "learning_rate": 3e-4, "warmup": 0.1},
    ),
    "paper": Sizes(
        k=2e-5,
        theseus_epochs=10,  # k replaces all modules only in the ninth of MNLI's epochs
        decay=0.9999,
        checkpoints={
            "distilbert": "distilbert-base-uncased",
            "tinybert": "huawei-noah/TinyBERT_General_6L_768D",
        },
    ),
}


def sizes(g: Grid) -> Sizes:
    """Those of the grid's profile."""
    return g.sized(SIZES)


# Table 1, row by row.


def fine_tuned(g: Grid, encoder: Job) -> Job:
    """As the teacher is."""
    return steps.finetune(g, encoder, learning_rate=3e-5, batch_size=64, warmup=1000)


@recipe
def teacher(g: Grid) -> Job:
    return fine_tuned(g, steps.pretrained(g))


@recipe
def truncate_finetune(g: Grid) -> Job:
    return steps.finetune(g, _half(g), learning_rate=3e-5, batch_size=128, warmup=0)


@recipe
def kd(g: Grid) -> Job:
    return steps.distill(
        g,
        _half(g),
        teacher(g),
        alpha=1.0,
        temperature=TEMPERATURE,
        learning_rate=3e-5,
        batch_size=64,
        warmup=1000,
    )


@recipe
def q8_ptq(g: Grid, variant: str, parts: str = steps.RELEASED) -> Job:
    return post_training(g, teacher(g), variant, parts)


@recipe
def q8_qat(g: Grid, parts: str = steps.RELEASED) -> Job:
    # Section 4.2: quantization-aware training starts from the pretrained BERT.
    rounded = steps.quantize(g, steps.pretrained(g), "ema", sizes(g).decay, parts=parts)
    return steps.finetune(g, rounded, learning_rate=2e-5, batch_size=128, warmup=0)


@recipe
def head_prune(g: Grid) -> Job:
    return steps.prune_heads(g, teacher(g), PRUNED, sizes(g).importance)


@recipe
def distilbert(g: Grid) -> Job:
    return fine_tuned(g, _checkpoint(g, "distilbert"))


@recipe
def tinybert(g: Grid) -> Job:
    return fine_tuned(g, _checkpoint(g, "tinybert"))


@recipe
def pkd(g: Grid) -> Job:
    return steps.pkd(
        g,
        _half(g),
        teacher(g),
        alpha=0.7,
        beta=500.0,
        temperature=TEMPERATURE,
        strategy="skip",
        learning_rate=3e-5,
        batch_size=64,
        warmup=1000,
    )


@recipe
def theseus(g: Grid) -> Job:
    return steps.theseus(
        g, teacher(g), keep=HALF, curriculum=_curriculum(g), learning_rate=3e-5, batch_size=128, warmup=8000
    )


# Table 2. What is trained after quantization starts from the static variant: its ranges can be trained.


@recipe
def head_prune_finetune(g: Grid) -> Job:
    return steps.finetune(g, head_prune(g), learning_rate=2e-5, batch_size=128, warmup=0)


@recipe
def head_prune_kd(g: Grid) -> Job:
    return _distilled(g, head_prune(g))


@recipe
def head_prune_kd_ptq(g: Grid, variant: str) -> Job:
    return post_training(g, head_prune_kd(g), variant)


@recipe
def q8_ptq_finetune(g: Grid) -> Job:
    return steps.finetune(g, q8_ptq(g, "static"), learning_rate=2e-5, batch_size=128, warmup=0)


@recipe
def q8_ptq_kd(g: Grid) -> Job:
    return _distilled(g, q8_ptq(g, "static"))


@recipe
def theseus_kd(g: Grid) -> Job:
    return steps.theseus(
        g,
        teacher(g),
        teacher(g),
        keep=HALF,
        curriculum=_curriculum(g),
        alpha=1.0,
        temperature=TEMPERATURE,
        learning_rate=3e-5,
        batch_size=64,
        warmup=1000,
    )


@recipe
def theseus_kd_ptq(g: Grid, variant: str) -> Job:
    return post_training(g, theseus_kd(g), variant)


def post_training(g: Grid, model: Job, variant: str, parts: str = steps.RELEASED) -> Job:
    """Post-training quantization in one of the `PTQ` variants."""
    if variant == "static":
        rounded = steps.quantize(g, model, "ema", sizes(g).decay, parts=parts)
        return steps.calibrate(g, rounded, sizes(g).calibration)
    return steps.quantize(g, model, variant, sizes(g).decay, parts=parts)


def _half(g: Grid) -> Job:
    return steps.truncate(g, teacher(g), HALF)


def _distilled(g: Grid, model: Job) -> Job:
    """A model that keeps its form, trained on the teacher's distribution (section 5)."""
    return steps.distill(
        g,
        model,
        teacher(g),
        alpha=1.0,
        temperature=TEMPERATURE,
        learning_rate=2e-5,
        batch_size=128,
        warmup=0,
    )


def _curriculum(g: Grid) -> dict[str, float]:
    told = {"k": sizes(g).k, "b": 0.5}
    return told | ({"epochs": sizes(g).theseus_epochs} if sizes(g).theseus_epochs else {})


def _checkpoint(g: Grid, name: str) -> Job:
    """An encoder of half the layers that was distilled before any task: from the hub, or made here."""
    if name in sizes(g).checkpoints:
        return steps.pretrained(g, sizes(g).checkpoints[name])
    return steps.new_head(g, steps.distill_task_agnostic(g, name, HALF, None, sizes(g).task_agnostic))
