"""The characteristics that Rai et al. 2024 compare models by, a table each.

Six models, from large to tiny, learn extractive QA on SQuAD 2.0. Their errors, their representations and what
lies out of their distribution are compared, model with model and, as the paper does not, seed with seed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial

from bert_compression.experiments import Grid, Job, steps
from bert_compression.report.tables import Column, Panel, Row, Table, two_seeds
from bert_compression.tasks import get_task

# The models, from the largest to the smallest, and what the paper calls them.
MODELS = {
    "large": "BERT-large",
    "base": "BERT-base",
    "distil": "Distil-BERT",
    "medium": "BERT-medium",
    "mini": "BERT-mini",
    "tiny": "Tiny-BERT",
}
QA, REVIEWS = "squad2", "imdb"
TEXT = "imdb"  # what is learnt from before any task; labels are not looked at
# The paper names none of its settings (section 4). These are those of BERT on SQuAD: batches of 32, a
# learning rate of 5e-5 and three epochs (Devlin et al. 2019, section 4.2); ours.
TRAINING = {"learning_rate": 5e-5, "batch_size": 32, "warmup": 0.1, "epochs": 3}
# How many neighbours the paper looked at is not known.
KS = (5, 10, 20, 50, 100)
PER_POINT = 50  # of these, the one whose values are kept point by point
# The k-th nearest training point: 50 in the code of deep nearest neighbours for CIFAR-10.
NEAREST = 50
OTHER_NEAREST = (5, 200)  # to see how much hangs on it
LAYERWISE = 1000  # points that layers are compared on
FOREIGN = ("subjqa", "policyqa", "films", "newsqa")  # contexts that no model has been trained for
OTHER_TASK = "qqp"  # pairs of questions, to models that have learnt premises and hypotheses
# The sources disagree on the attack. BERT-ATTACK's settings are those of its published command for IMDB,
# TextBugger's those of its paper.
ATTACKS: dict[str, dict] = {
    "bert_attack": {"candidates": 48, "threshold": 0.0, "subwords": True},
    "textbugger": {"neighbours": 5, "min_similarity": 0.8},
}
ATTACK_NAMES = {"bert_attack": "BERT-ATTACK", "textbugger": "TextBugger"}
OTHER_SETTINGS: tuple[dict, ...] = ({}, {"candidates": 12}, {"threshold": 3.0}, {"subwords": False})


@dataclass(frozen=True)
class Sizes:
    """What a profile's size means for this paper.

    `models` are encoders on the hub, or shares of the profile's encoder's layers, which then learn from it on
    text alone as `task_agnostic` says (with nothing said, they are its lower layers). `outside` are the sets
    out of distribution, and of each set up to `represented` examples are represented. `reviews` are attacked;
    the masked language model that guesses words for that is the encoder's own, or trained as `masked_lm`
    says.
    """

    models: tuple[str | float, ...]
    outside: tuple[str, ...]
    represented: int
    reviews: int
    task_agnostic: dict[str, float] = field(default_factory=dict)
    masked_lm: dict[str, float] = field(default_factory=dict)


SIZES = {
    "smoke": Sizes(
        models=(1, 10 / 12, 8 / 12, 6 / 12, 4 / 12, 2 / 12),
        outside=("films",),
        represented=300,
        reviews=16,
        masked_lm={"epochs": 2, "batch_size": 32, "learning_rate": 1e-3, "warmup": 0.1, "tuned_layers": 2},
    ),
    "small": Sizes(
        models=(1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6),
        outside=("subjqa", "policyqa"),
        represented=3_000,
        reviews=200,
        task_agnostic={"epochs": 1, "batch_size": 32, "learning_rate": 3e-4, "warmup": 0.1},
        masked_lm={"epochs": 2, "batch_size": 32, "learning_rate": 3e-4, "warmup": 0.1, "tuned_layers": 2},
    ),
    "paper": Sizes(
        models=(
            "bert-large-uncased",
            "bert-base-uncased",
            "distilbert-base-uncased",
            "google/bert_uncased_L-8_H-512_A-8",
            "google/bert_uncased_L-4_H-256_A-4",
            "google/bert_uncased_L-2_H-128_A-2",
        ),
        outside=("newsqa",),
        represented=10_000,
        reviews=1_000,  # as many as BERT-ATTACK's authors attack
    ),
}


def sizes(g: Grid) -> Sizes:
    """Those of the grid's profile."""
    return g.sized(SIZES)


def language_model(g: Grid) -> Job:
    """The masked language model that guesses words: one for all tasks and seeds."""
    text = g.at(task=TEXT)
    return steps.masked_lm(text, text.train_size, sizes(g).masked_lm)


def encoder(g: Grid, name: str) -> Job:
    """One of the six encoders: the profile's from the hub, or a share of its encoder's layers, distilled on
    text alone where the profile says how."""
    share = sizes(g).models[list(MODELS).index(name)]
    if isinstance(share, str):
        return steps.pretrained(g, share)
    if share == 1:
        return steps.pretrained(g)
    if not sizes(g).task_agnostic:
        return steps.truncate(g, steps.pretrained(g), share)
    text = g.at(task=TEXT)
    # DistilBERT's recipe: TinyBERT's follows layer by layer, and 6 layers cannot be spread over 5.
    distilled = steps.distill_task_agnostic(
        text, "distilbert", share, text.train_size, sizes(g).task_agnostic
    )
    return steps.new_head(g, distilled.named(f"{name} before any task"))


def _model(name: str, g: Grid) -> Job:
    return g.once((_model, name), lambda: steps.finetune(g, encoder(g, name), **TRAINING).named(name))


ROWS = tuple(
    Row(name, f"{name} ({paper})", partial(_model, name), short=name) for name, paper in MODELS.items()
)


# Prediction errors.


def qa_answers(g: Grid, row: Row) -> Job:
    return steps.answer_qa(g, row.recipe(g))


SCORES = {
    "exact_match": "exact match",
    "answer_f1": "F1",
    "answered_f1": "F1, answerable",
    "refused": "no answer given, unanswerable",
}
ERRORS = Table(
    paper="miniature",
    name="errors",
    title="Prediction errors",
    task=QA,
    rows=ROWS,
    columns=tuple(Column(name, label, qa_answers) for name, label in SCORES.items()),
    panels=(Panel("scores", "How well the six models answer the questions of SQuAD 2.0.", tuple(SCORES)),),
    seeds=two_seeds,
)


# Data representation: every two models, and every model with itself at another seed.


def _states(g: Grid, model: Job, task: str, split: str) -> Job:
    return steps.cls_states(g, model, task, split, sizes(g).represented, LAYERWISE)


def compared(g: Grid, one: Job, other: Job, method: str, other_method: str) -> Job:
    """The representation similarity of two models, each on its own grid's main split."""
    states = [_states(g.at(seed=model.seed), model, g.task.name, g.main_split) for model in (one, other)]
    job = steps.similarity(
        g, *states, ks=KS, per_point=PER_POINT, other_method=other_method, other_seed=other.seed
    )
    return job.named(method)


def seed_pairs(seeds: Iterable[int]) -> list[tuple[int, int]]:
    """At which seeds are two models compared? At different ones, as one model is with itself: at the same
    seed they would also have the order of the batches in common. Where there is but one seed, at that."""
    listed = list(seeds)
    if len(listed) == 1:
        return [(listed[0], listed[0])]
    return [(a, b) for a in listed for b in listed if a != b]


def other_seeds(g: Grid, itself: bool) -> list[int]:
    """At which seeds is another model compared with one of the grid's seed? With `itself`, at later ones:
    from there it would be the same pair."""
    seeds = [b for a, b in seed_pairs(g.profile.seeds[:2]) if a == g.seed]
    return [seed for seed in seeds if seed > g.seed] if itself else seeds


def _with(other: str, g: Grid, row: Row) -> list[Job]:
    """The row's model compared with a smaller one, or with itself at a later seed."""
    places = list(MODELS)
    if places.index(other) < places.index(row.method):
        return []
    one, seeds = row.recipe(g), other_seeds(g, other == row.method)
    return [compared(g, one, _model(other, g.at(seed=seed)), row.method, other) for seed in seeds]


_PAIRS = {name: partial(_with, name) for name in MODELS}
REPRESENTATION = Table(
    paper="miniature",
    name="representation",
    title="Data representation",
    task=QA,
    rows=ROWS,
    columns=(
        *(
            Column(
                f"neighbours_{name}",
                f"50 nearest neighbours shared with {name}",
                measure,
                "neighbour_jaccard_50",
            )
            for name, measure in _PAIRS.items()
        ),
        *(
            Column(f"cka_{name}", f"CKA of the last layers with {name}", measure, "cka_last")
            for name, measure in _PAIRS.items()
        ),
    ),
    seeds=two_seeds,
)


# Data distribution: which inputs lie out of each model's distribution?


def detected(g: Grid, model: Job, foreign: str, k: int) -> Job:
    """OOD detection among the examples of the grid's task and those of a foreign one."""
    training = _states(g, model, g.task.name, "train")
    inside = _states(g, model, g.task.name, g.main_split)
    outside = _states(g, model, foreign, get_task(foreign).evaluated[0])
    return steps.ood_detection(g, training, inside, outside, foreign, k)


def in_common(g: Grid, one: Job, other: Job, foreign: str) -> Job:
    """Which errors, and which inputs of a foreign task flagged as out of distribution, have two models in
    common, each on the grid of its seed?"""

    def predicted(model: Job) -> Job:
        return steps.predict(g.at(seed=model.seed), model)

    def flagged(model: Job) -> Job:
        return detected(g.at(seed=model.seed), model, foreign, NEAREST)

    return steps.overlap(g, (predicted(one), predicted(other)), (flagged(one), flagged(other)))


def _foreign(foreign: str, k: int, g: Grid, row: Row) -> Job | None:
    return detected(g, row.recipe(g), foreign, k) if foreign in sizes(g).outside else None


OOD_METRICS = {"auroc": "AUROC", "fpr95": "FPR95", "flagged": "flagged"}


def _ood_columns(foreign: str) -> list[Column]:
    columns = []
    for k in (NEAREST, *OTHER_NEAREST):
        measure = partial(_foreign, foreign, k)
        for metric, label in OOD_METRICS.items():
            columns.append(Column(f"{foreign}_{k}_{metric}", f"{label}, {foreign}, k = {k}", measure, metric))
    return columns


DISTRIBUTION = Table(
    paper="miniature",
    name="distribution",
    title="Data distribution",
    task=QA,
    rows=ROWS,
    columns=tuple(column for foreign in FOREIGN for column in _ood_columns(foreign)),
    seeds=two_seeds,
)


# Adversarial weakness: what two attacks on long reviews leave of each model's accuracy.


def _attacked(name: str, settings: dict, share: int, g: Grid, row: Row) -> Job:
    """An attack on a review in `share` of those that the profile attacks."""
    guesser = None
    if name == "bert_attack":
        guesser = language_model(g)
    return steps.attack(g, row.recipe(g), name, sizes(g).reviews // share, settings, guesser)


def _attack_columns(name: str) -> tuple[Column, ...]:
    """Degradation: points of accuracy, and their share of what there was."""
    measure = partial(_attacked, name, ATTACKS[name], 1)

    def column(metric: str, label: str, scale: float = 100.0, unit: str = "%") -> Column:
        return Column(f"{name}_{metric}", label, measure, metric, scale=scale, unit=unit)

    return (
        column("clean_accuracy", "Accuracy before"),
        column("after_attack_accuracy", "Accuracy after"),
        column("degradation", "Degradation", unit="points"),
        column("relative_degradation", "Degradation, relative"),
        column("queries_mean", "Queries", 1.0, "a review"),
        column("queries_per_success", "Queries per success", 1.0, "as BERT-ATTACK counts"),
        column("words_changed_mean", "Words changed", 1.0, "a fooled review"),
    )


WEAKNESSES = Table(
    paper="miniature",
    name="weaknesses",
    title="Adversarial weakness",
    task=REVIEWS,
    rows=tuple(replace(row, label=row.method) for row in ROWS),
    columns=tuple(column for name in ATTACKS for column in _attack_columns(name)),
    panels=tuple(
        Panel(
            name,
            "What the attack takes from six models: accuracy on the attacked reviews before and after, and "
            "the difference in points and as a share of the accuracy before.",
            tuple(column.name for column in _attack_columns(name)),
        )
        for name in ATTACKS
    ),
    seeds=two_seeds,
)


def _settings_columns() -> Iterable[Column]:
    """How much hangs on what is not known of the attack: BERT-ATTACK with other settings."""
    for other in OTHER_SETTINGS:
        name = "_".join(f"{setting}_{value}" for setting, value in other.items()) or "published"
        measure = partial(_attacked, "bert_attack", {**ATTACKS["bert_attack"], **other}, 4)
        yield Column(name, f"Accuracy after, {name}", measure, "after_attack_accuracy")


ATTACK_SETTINGS = Table(
    paper="miniature",
    name="attack_settings",
    title="Settings of the attack",
    task=REVIEWS,
    rows=(WEAKNESSES.rows[0], WEAKNESSES.rows[-1]),
    columns=tuple(_settings_columns()),
    seeds=lambda profile, row, column: profile.seeds[:1],
)

TABLES = (ERRORS, REPRESENTATION, DISTRIBUTION, WEAKNESSES, ATTACK_SETTINGS)
