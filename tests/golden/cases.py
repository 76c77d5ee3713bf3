"""Toy jobs, one for each kind and each way through its code, and what is compared of their results.

All run in fp32 on a few built-in texts, on two to six layers of the built-in BERT.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors.torch import load_file

from bert_compression.experiments import PROFILES, Grid, Job, Resolver, Store, in_order, steps
from bert_compression.experiments.kinds import KINDS, cost
from bert_compression.experiments.run import run_job
from bert_compression.tasks import get_task, open_source

TOLERANCE = 5e-3  # of the number, or of one
EXPECTED = Path(__file__).parent / "expected.json"
TIMES = ("speedup", "milliseconds")  # metrics that begin so are never the same twice
TINY = 1e-9  # what a share is taken of is no smaller
SIZE = 32  # examples of a case, to train on or to answer
FAST = {"learning_rate": 1e-3, "batch_size": 16, "warmup": 1, "epochs": 1}
KD = {"alpha": 0.7, "temperature": 3.0}
RATES = {"k": 0.3, "b": 0.4}

CASES: dict[str, Callable[[], Job]] = {}


def case(make: Callable[[], Job]) -> Callable[[], Job]:
    """Make a function the golden case that bears its name."""
    CASES[make.__name__] = make
    return make


def grid(task: str = "sst2", seed: int = 0) -> Grid:
    """The profile `smoke` with few examples, and the cases' own rates."""
    from dataclasses import replace

    sizes = dict.fromkeys(PROFILES["smoke"].train_size, SIZE)
    profile = replace(PROFILES["smoke"], train_size=sizes, training={}, small_set_epochs=1, kd_epochs=1)
    return Grid(profile, get_task(task), seed)


def few(g: Grid) -> Job:
    """The first and the last layer of the built-in BERT, under a fresh head."""
    return steps.reduce_layers(g, steps.pretrained(g), [0, 5, 11])


def trained(g: Grid, seed_of_head: int = 0) -> Job:
    return steps.finetune(g, few(g), **{**FAST, "epochs": 6, "learning_rate": 2e-3})


def answered(g: Grid, model: Job, size: int = SIZE, **others) -> Job:
    return steps.predict(g, model, None, size, **others)


def compared(kind: str, g: Grid, inputs: dict[str, Job]) -> Job:
    return Job(kind, g.data(g.main_split, SIZE), inputs, kind)


# Models without training.


@case
def pretrained_classes() -> Job:
    return steps.pretrained(grid("mnli"))


@case
def pretrained_regression() -> Job:
    return steps.pretrained(grid("stsb"))


@case
def pretrained_spans() -> Job:
    return steps.pretrained(grid("squad2"), seed=3)


@case
def layers_by_share() -> Job:
    g = grid()
    return steps.truncate(g, steps.pretrained(g), 0.25)


@case
def layers_by_list() -> Job:
    return few(grid())


@case
def heads_pruned() -> Job:
    g = grid()
    return steps.prune_heads(g, trained(g), 0.45, 36)  # two batches, the last one small


def rounded(mode: str, bits: int = 8) -> Job:
    g = grid()
    return steps.quantize(g, trained(g), mode, 0.9, weight_bits=bits, activation_bits=bits)


@case
def quantized_int8() -> Job:
    return rounded("int8")


@case
def quantized_dynamic() -> Job:
    return rounded("dynamic")


def calibrated_ranges(parts: str) -> Job:
    g = grid()  # three batches; the average soon forgets, so that their order shows
    return steps.calibrate(g, steps.quantize(g, trained(g), "ema", 0.6, parts=parts), 80)


@case
def quantized_static() -> Job:
    return calibrated_ranges(steps.RELEASED)


@case
def quantized_everything() -> Job:
    return calibrated_ranges(steps.EVERYTHING)


@case
def quantized_ternary() -> Job:
    g = grid()
    return steps.quantize(g, trained(g), "dynamic", 0.9, weight_bits=2)


# Training.


@case
def finetuned_classes() -> Job:
    return trained(grid())


@case
def finetuned_with_warmup() -> Job:
    g = grid("mnli", seed=1)  # the only training at another seed than 0, which a forgotten seed would be
    return steps.finetune(g, few(g), **{**FAST, "warmup": 0.5, "epochs": 2, "batch_size": 8})


@case
def finetuned_regression() -> Job:
    g = grid("stsb")
    return steps.finetune(g, few(g), **FAST)


@case
def finetuned_spans() -> Job:
    g = grid("squad2")
    return steps.finetune(g, few(g), **FAST)


@case
def finetuned_quantized() -> Job:
    g = grid()
    return steps.finetune(g, steps.quantize(g, few(g), "ema", 0.9), **FAST)


@case
def distilled() -> Job:
    g = grid()
    settings = {**KD, **FAST, "temperature": 1.5, "epochs": 4, "learning_rate": 2e-3}
    return steps.distill(g, few(g), trained(g), **settings)


def patient(strategy: str) -> Job:
    g = grid()
    student = steps.truncate(g, steps.pretrained(g), 1 / 6)
    # 0.4 of 12 layers are 5: neither that share nor 5 layers over 2 come out even.
    teacher = steps.finetune(g, steps.truncate(g, steps.pretrained(g), 0.4), **{**FAST, "epochs": 6})
    return steps.pkd(g, student, teacher, **KD, beta=10.0, strategy=strategy, **FAST)


@case
def patient_skip() -> Job:
    return patient("skip")


@case
def patient_last() -> Job:
    return patient("last")


@case
def replaced_with_labels() -> Job:
    g = grid()
    model = steps.finetune(g, steps.truncate(g, steps.pretrained(g), 1 / 3), **FAST)
    return steps.theseus(g, model, keep=0.5, curriculum=RATES, **{**FAST, "epochs": 2})


@case
def replaced_with_a_teacher() -> Job:
    g = grid()
    model = steps.finetune(g, steps.truncate(g, steps.pretrained(g), 1 / 3), **{**FAST, "epochs": 6})
    return steps.theseus(g, model, model, keep=0.5, curriculum=RATES, **KD, **FAST)


def by_loss(loss: str, task: str) -> Job:
    g = grid(task)
    teacher = steps.finetune(g, few(g), **FAST)
    return steps.taylor(g, few(g), teacher, loss=loss, lambda_=0.3, **FAST)


@case
def loss_cross_entropy() -> Job:
    g = grid("mrpc")  # more steps than a curve has points
    settings = {**FAST, "batch_size": 1, "epochs": 2, "learning_rate": 1e-4}
    return steps.taylor(g, few(g), None, loss="cross_entropy", lambda_=0.3, **settings)


@case
def loss_kl() -> Job:
    return by_loss("kl", "mrpc")


@case
def loss_kl_regression() -> Job:
    return by_loss("kl", "stsb")


@case
def loss_taylor() -> Job:
    return by_loss("taylor", "mnli")


@case
def loss_taylor_regression() -> Job:
    return by_loss("taylor", "stsb")


@case
def loss_squares() -> Job:
    return by_loss("squares", "mnli")


def before_any_task(recipe: str) -> Job:
    g = grid("imdb")
    return steps.distill_task_agnostic(g, recipe, 1 / 6, 16, {**FAST, "batch_size": 8})


@case
def task_agnostic_tinybert() -> Job:
    return before_any_task("tinybert")


@case
def task_agnostic_distilbert() -> Job:
    return before_any_task("distilbert")


@case
def task_agnostic_minilm() -> Job:
    return before_any_task("minilm")


@case
def new_head_for_classes() -> Job:
    return steps.new_head(grid(seed=5), before_any_task("distilbert"))


@case
def new_head_for_spans() -> Job:
    return steps.new_head(grid("squad2", seed=5), before_any_task("distilbert"))


@case
def masked_lm_trained() -> Job:
    return steps.masked_lm(grid("imdb"), 16, {**FAST, "batch_size": 8, "tuned_layers": 1})


# Answers.


# Extreme compression.


def extreme(g: Grid, bits: int, low_rank: int = 0, mode: str = "per_token") -> Job:
    return steps.quantize_encoder(g, trained(g), bits, low_rank, mode)


@case
def quantized_binary_encoder() -> Job:
    return extreme(grid(), 1, 2)


@case
def quantized_ternary_clipped() -> Job:
    g = grid()
    return answered(g, extreme(g, 2, mode="clipped"))


@case
def requantized() -> Job:
    g = grid()
    return steps.requantize(g, extreme(g, 2), 1, 1)


def staged(g: Grid, student: Job, teacher: Job, stages: int, layer_map: list[int], **told) -> Job:
    settings = {"steps": 7, "first_rate": 2.5, "selected_by": "accuracy", "every": 2, "size": SIZE}
    settings |= {"learning_rate": 2e-3, "batch_size": 8, "warmup": 0.3} | told
    return steps.distill_in_stages(g, student, teacher, stages=stages, layer_map=layer_map, **settings)


def binary_student(stages: int, **told) -> Job:
    g = grid()
    return staged(g, extreme(g, 1, 1), trained(g), stages, [0, 1, 2], **told)


@case
def one_stage() -> Job:
    return binary_student(1)


@case
def two_stages() -> Job:
    return binary_student(2)


@case
def three_stages_of_a_regression() -> Job:
    g = grid("stsb")
    student = steps.reduce_layers(g, trained(g), [2])
    return staged(g, student, trained(g), 3, [2], selected_by="pearson")


@case
def stages_on_augmented_texts() -> Job:
    g = grid()
    return binary_student(1, texts=steps.augment(g, guesser(), 12, 2, True))


@case
def examples_of_a_split() -> Job:
    g = grid("mnli")
    return steps.examples(g, "validation_matched", 5)


@case
def augmented_pairs() -> Job:
    g = grid("rte")
    return steps.augment(g, guesser(), 6, 3)


@case
def weights_moved() -> Job:
    g = grid()
    return steps.weight_distances(g, extreme(g, 1), trained(g))


@case
def multiplied_from_bits() -> Job:
    return steps.bit_kernels(grid(), 128, 96, 2)


def guesser() -> Job:
    return masked_lm_trained()


@case
def predicted_classes() -> Job:
    return answered(grid(), trained(grid()), 200)


@case
def predicted_f1() -> Job:
    g = grid("mrpc")
    return answered(g, steps.finetune(g, few(g), **FAST), 100)


@case
def predicted_matthews() -> Job:
    g = grid("cola")
    return answered(g, steps.finetune(g, few(g), **FAST), 100)


@case
def predicted_regression() -> Job:
    return answered(grid("stsb"), finetuned_regression(), 100)


def untrained(task: str) -> Job:
    g = grid(task)  # for the texts of a task and the way they are put to a model
    return answered(g, few(g), 64)


@case
def predicted_duplicates() -> Job:
    return untrained("qqp")


@case
def predicted_answers() -> Job:
    return untrained("qnli")


@case
def predicted_entailment() -> Job:
    return untrained("rte")


@case
def predicted_training_set() -> Job:
    return steps.predict(grid(), trained(grid()), "train", SIZE)


@case
def predicted_cut_texts() -> Job:
    g = grid("imdb")
    model = steps.finetune(g, few(g), **FAST)
    job = answered(g, model)  # some texts are longer, some have just so many tokens
    return Job(job.kind, {**job.params, "max_length": 63}, job.inputs, job.method)


def coarse_weights(bits: int) -> Job:
    g = grid()  # fine activations, so that no kernel rounds them the other way
    model = steps.quantize(g, trained(g), "dynamic", 0.9, weight_bits=bits, activation_bits=16)
    return answered(g, model)


@case
def predicted_ternary() -> Job:
    return coarse_weights(2)


@case
def predicted_binary() -> Job:
    return coarse_weights(1)


@case
def predicted_one_at_a_time() -> Job:
    return answered(grid(), rounded("dynamic", 4))  # so coarse that batch mates show


@case
def predicted_in_batches() -> Job:
    return answered(grid(), rounded("dynamic"), batched=True)


@case
def predicted_int8() -> Job:
    return answered(grid(), rounded("int8"))


@case
def answered_questions() -> Job:
    g = grid("squad2")
    return Job("answer_qa", g.data(g.main_split, 60), {"model": finetuned_spans()}, "qa")


@case
def answered_untrained() -> Job:
    g = grid("films")  # an untrained head takes the longest spans it may
    return Job("answer_qa", g.data(g.main_split, 60), {"model": few(grid("squad2"))}, "qa")


def states(task: str = "sst2", model: Job | None = None, split: str | None = None, at_most: int = 24) -> Job:
    g = grid(task)
    wanted = split or g.main_split
    job = steps.cls_states(g, model or trained(grid()), task, wanted, at_most, 16)
    return Job(job.kind, {**job.params, "size": 40}, job.inputs, job.method)


@case
def states_of_texts() -> Job:
    return states()


@case
def states_of_windows() -> Job:
    job = states("squad2", finetuned_spans())
    # So short that most questions have several.
    return Job(job.kind, {**job.params, "max_length": 40, "stride": 8}, job.inputs, job.method)


@case
def states_one_at_a_time() -> Job:
    return states(model=rounded("int8"), at_most=8)


# Comparisons.


def pair() -> tuple[Job, Job]:
    return trained(grid()), distilled()


@case
def loyal() -> Job:
    g = grid()  # two models that agree in part
    student = steps.quantize(g, trained(g), "dynamic", 0.9, weight_bits=2, activation_bits=16)
    return compared("loyalty", g, {"teacher": answered(g, trained(g)), "student": answered(g, student)})


@case
def calibrated() -> Job:
    return compared("calibration", grid(), {"predictions": answered(grid(), trained(grid()))})


@case
def neighbours() -> Job:
    return steps.nearest_neighbours(grid(), states(), 7)


@case
def similar() -> Job:
    one, other = (states(model=model) for model in pair())
    return steps.similarity(
        grid(), one, other, ks=(3, 7), per_point=3, other_method="distilled", other_seed=0
    )


def detected(model: Job) -> Job:
    training, inside = (states(model=model, split=split) for split in ("train", "validation"))
    return steps.ood_detection(grid(), training, inside, states("cola", model), "cola", 5)


@case
def out_of_distribution() -> Job:
    return detected(trained(grid()))


@case
def overlapping() -> Job:
    one, other = pair()
    predictions = {f"predictions_{s}": answered(grid(), m) for s, m in (("a", one), ("b", other))}
    flags = {f"ood_{s}": detected(m) for s, m in (("a", one), ("b", other))}
    return compared("overlap", grid(), predictions | flags)


# Attacks.


def attacked(task: str, model: Job, recipe: str = "textfooler", texts: int = 10, **others) -> Job:
    guesser = masked_lm_trained() if recipe == "bert_attack" else None
    settings = others.pop("settings", {})
    return steps.attack(grid(task), model, recipe, texts, settings, guesser, **others)


@case
def textfooler() -> Job:
    return attacked("sst2", trained(grid()), texts=24)


@case
def textfooler_on_pairs() -> Job:
    return attacked("mnli", pretrained_classes(), texts=24)


@case
def textfooler_one_at_a_time() -> Job:
    return attacked("sst2", rounded("int8"))


@case
def textfooler_in_batches() -> Job:
    return attacked("sst2", rounded("int8"), batched=True)


@case
def textfooler_in_coarse_batches() -> Job:
    # Of so few bits some answers hang on the batch: not all successes hold for the text alone.
    return attacked("sst2", rounded("dynamic", 4), texts=40, batched=True)


@case
def textfooler_as_released() -> Job:
    # Some successes do not hold alone, and some texts fool alone with which the search had given up.
    return attacked("sst2", rounded("dynamic", 4), texts=40, protocol="released", padded=True)


def review_model() -> Job:
    g = grid("imdb")  # of few steps, so that some attacks succeed
    return steps.finetune(g, few(g), **{**FAST, "batch_size": 8})


@case
def textfooler_on_reviews() -> Job:
    return attacked("imdb", review_model(), texts=4)


@case
def textbugger() -> Job:
    settings = {"neighbours": 2, "min_similarity": 0.8}
    job = attacked("imdb", review_model(), "textbugger", 6, settings=settings)
    # Shorter than the reviews: what is not read comes back as it stood.
    return Job(job.kind, {**job.params, "max_length": 48}, job.inputs, job.method)


def with_guesses(**settings) -> Job:
    told = {"candidates": 12, "threshold": 0.0, "subwords": True, "counter_fitted": False, **settings}
    return attacked("imdb", review_model(), "bert_attack", 4, settings=told)


@case
def bert_attack_published() -> Job:
    return with_guesses(candidates=48, counter_fitted=True)


@case
def bert_attack_without_subwords() -> Job:
    return with_guesses(subwords=False)


@case
def bert_attack_with_threshold() -> Job:
    return with_guesses(threshold=3.0)


@case
def bert_attack_of_few_words() -> Job:
    return with_guesses(max_share=0.05)


@case
def transferred() -> Job:
    return steps.transfer(grid(), textfooler_in_coarse_batches(), trained(grid()))


@case
def transferred_on_pairs() -> Job:
    # To the model itself: what it was right about, and fooled in, is its own.
    return steps.transfer(grid("mnli"), textfooler_on_pairs(), pretrained_classes())


@case
def costs() -> Job:
    g = grid()
    job = steps.cost(g, quantized_static(), trained(g))
    return Job(job.kind, {**job.params, "size": SIZE}, job.inputs, job.method)


@case
def costs_of_pruned_heads() -> Job:
    g = grid()
    job = steps.cost(g, heads_pruned(), trained(g))
    return Job(job.kind, {**job.params, "size": SIZE}, job.inputs, job.method)


@case
def costs_of_int8() -> Job:
    g = grid()
    job = steps.cost(g, rounded("int8"), trained(g))
    return Job(job.kind, {**job.params, "size": SIZE}, job.inputs, job.method)


# What is compared.


class Bench:
    """Runs cases in a store of their own, each job once."""

    def __init__(self, folder: Path):
        self.resolver, self.store = Resolver(open_source(None, builtin=True)), Store(folder)
        cost.ROUNDS.clear()
        cost.ROUNDS.update({1: 2, 4: 2})

    def found(self, name: str) -> dict:
        """Kind, version and all numbers of a case, as plain values."""
        job = CASES[name]()
        for needed in in_order([job]):
            record = run_job(needed, self.resolver, self.store, "smoke", lambda done, total: None)
            assert record["status"] == "ok", f"{needed.title}: {record['error']}"
        folder = self.store.artifacts(self.resolver.key(job))
        metrics = {k: v for k, v in record["metrics"].items() if not k.startswith(TIMES)}
        return {
            "kind": job.kind,
            "version": KINDS[job.kind].version,
            "metrics": metrics,
            "per_example": record["per_example"],
            "artifacts": {name: fingerprint(folder / name) for name in sorted(record["artifacts"])},
        }


def fingerprint(path: Path) -> dict[str, list[float]] | str:
    """Of an artifact of numbers, by the part that they belong to: how many there are, the sum of their sizes,
    and as shares of that their sum, one in which each place has its weight, and one of how rows differ.

    A head and the ranges of activations are parts of their own: they would drown among an encoder's weights,
    as what tells examples apart does in what all of them share.
    """
    if path.suffix == ".json":
        told = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(told, list):
            return "|".join(map(str, told))
        return json.dumps(told if "texts" in told else told.get("compression", []), sort_keys=True)
    arrays = np.load(path) if path.suffix == ".npz" else load_file(path)
    sums: dict[str, np.ndarray] = {}
    for place, name in enumerate(sorted(arrays), start=1):
        values = np.asarray(arrays[name], dtype=np.float64)
        weights = np.cos(np.arange(values.size) + place).reshape(values.shape)
        apart = values - values.mean(axis=-2, keepdims=True) if values.ndim > 1 else values
        sizes = (values.size, np.abs(values).sum(), np.abs(apart).sum())
        part = "ranges" if values.size == 1 else "encoder" if name.startswith("bert.") else "other"
        shares = (values.sum(), (values * weights).sum(), (apart * weights).sum())
        sums[part] = np.add(sums.get(part, np.zeros(6)), (*sizes, *shares))
    return {
        part: [count, size, *(share / max(size, TINY) for share in shares[:2]), shares[2] / max(apart, TINY)]
        for part, (count, size, apart, *shares) in ((part, each.tolist()) for part, each in sums.items())
    }


def differences(expected: object, found: object, tolerance: float, at: str = "") -> list[str]:
    """Where what was found departs from what is expected, by more than `tolerance` of the expected number
    or of one; what is found besides is no departure."""
    if isinstance(expected, dict) and isinstance(found, dict):
        missing = [f"{at}/{name} is missing" for name in expected if name not in found]
        return missing + [
            line
            for name, value in expected.items()
            if name in found
            for line in differences(value, found[name], tolerance, f"{at}/{name}")
        ]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        lines = [
            line
            for i, (one, other) in enumerate(zip(expected, found, strict=True))
            for line in differences(one, other, tolerance, f"{at}/{i}")
        ]
        return lines[:3]
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (expected, found))
    if numbers:
        near = abs(expected - found) <= tolerance * max(1.0, abs(expected))
        return [] if near else [f"{at} is {found}, not {expected}"]
    return [] if expected == found else [f"{at} is {str(found)[:60]!r}, not {str(expected)[:60]!r}"]
