"""The steps that models are made of, and what is measured of them: functions with parameters that return
jobs.

A recipe is plain Python that calls steps, and stands in a paper's folder:

    @recipe
    def kd(g):
        student = truncate(g, teacher(g), keep=0.5)
        return distill(g, student, teacher(g), alpha=1.0, temperature=10.0, learning_rate=3e-5, ...)

Its job prints as `teacher | truncate | distill`. Learning rates, batch sizes, warm-ups and numbers of epochs
are a paper's own; a profile whose models and data are smaller overrides them (`Profile.training`).
"""

from collections.abc import Mapping
from dataclasses import replace

from bert_compression.checks import in_range
from bert_compression.compression.quantization import BATCH_DEPENDENT
from bert_compression.errors import BadInput
from bert_compression.experiments.grid import Grid
from bert_compression.experiments.job import Job

QUANTIZE_LABELS = {"ema": "q8", "dynamic": "q8_dynamic", "int8": "int8"}  # a mode in the name of a chain
# What Q8BERT's released configuration quantizes, and everything: see `compression.quantize`.
RELEASED, EVERYTHING = "q8bert", "all"


# Steps that make a model without training it.


def pretrained(g: Grid, encoder: str | None = None, seed: int | None = None) -> Job:
    """A pretrained encoder, the profile's unless told, under a head drawn with the grid's seed, or
    another."""
    params = g.params(labels=g.task.outputs)
    params |= {"encoder": encoder or g.profile.encoder, "seed": g.seed if seed is None else seed}
    return Job("pretrained", params, {}, "pretrained", "pretrained")


def new_head(g: Grid, encoder: Job) -> Job:
    """A fresh head on an encoder."""
    return Job("new_head", g.params(), {"model": encoder}, encoder.method)


def truncate(g: Grid, model: Job, keep: float) -> Job:
    """The lowest layers of a model: a share `keep` of them."""
    return _made("reduce_layers", g.params(keep=keep), model, "truncate")


def reduce_layers(g: Grid, model: Job, keep: list[int]) -> Job:
    """A model with the layers `keep`, counted from 0."""
    return _made("reduce_layers", g.params(keep=keep), model, "reduce_layers")


def prune_heads(g: Grid, model: Job, share: float, examples: int | None) -> Job:
    """A model without a share of its heads, the least important ones by so many training examples."""
    params = g.data("train", examples, share=share)
    return _made("prune_heads", params, model, "prune_heads")


def quantize(
    g: Grid,
    model: Job,
    mode: str,
    decay: float,
    weight_bits: int = 8,
    activation_bits: int = 8,
    parts: str = RELEASED,
) -> Job:
    """A model of fewer bits; modes, `decay` and the parts of a fake mode are those of
    `compression.quantize`."""
    params = g.params(mode=mode, decay=decay, weight_bits=weight_bits, activation_bits=activation_bits)
    label = QUANTIZE_LABELS[mode]
    if parts == EVERYTHING:
        label += "_everything"  # the parameters are those of before there were parts: see `quantize_as`
    elif mode != "int8":
        params |= {"parts": parts}
    return _made("quantize", params, model, label)


def calibrate(g: Grid, model: Job, examples: int | None) -> Job:
    """A quantized model whose activation ranges are fitted to so many training examples."""
    return _made("calibrate", g.data("train", examples), model, "calibrate")


def quantize_encoder(
    g: Grid, model: Job, weight_bits: int, low_rank: int = 0, mode: str = "per_token"
) -> Job:
    """A model with so many bits for the matrices of its layers and its word embeddings, and 8 for what goes
    into the former: see the parts "encoder" of `compression.quantize`."""
    params = g.params(mode=mode, decay=0.0, weight_bits=weight_bits, activation_bits=8, parts="encoder")
    return _made("quantize", params | {"low_rank": low_rank}, model, _bits(weight_bits, low_rank))


def requantize(g: Grid, model: Job, weight_bits: int, low_rank: int = 0) -> Job:
    """A model that `quantize_encoder` made, and training changed, with other bits."""
    params = g.params(weight_bits=weight_bits, low_rank=low_rank)
    return _made("requantize", params, model, _bits(weight_bits, low_rank))


def _bits(weight_bits: int, low_rank: int) -> str:
    return f"{weight_bits}-bit" + (f" + rank {low_rank}" if low_rank else "")


def examples(g: Grid, split: str, size: int | None = None) -> Job:
    """The examples of a split, for a job that reads another."""
    return Job("examples", g.at(seed=0).data(split, size), {}, split)


def augment(
    g: Grid, language_model: Job, size: int | None, copies: int, first_stays_changed: bool = False
) -> Job:
    """Training examples and as many variants of each text, in which a masked language model exchanges
    words."""
    told = {"copies": copies, "first_stays_changed": first_stays_changed, "resources": g.profile.resources}
    params = g.data("train", size, **told)
    return Job("augment", params, {"language_model": language_model}, "augmented")


# Steps that train. `settings` are a paper's: learning_rate, batch_size, warmup and, if it names them, epochs.


def finetune(g: Grid, model: Job, **settings: float) -> Job:
    """Training on labels."""
    return _trained(g, "finetune", "finetune", {"model": model}, g.label_epochs, settings)


def distill(
    g: Grid, student: Job, teacher: Job, *, alpha: float, temperature: float, **settings: float
) -> Job:
    """Training on a share `alpha` of the teacher's distribution, and labels for the rest."""
    inputs = {"model": student, "teacher_logits": predict(g, teacher, "train", g.train_size)}
    settings |= {"alpha": alpha, "temperature": temperature}
    return _trained(g, "distill", "distill", inputs, g.profile.kd_epochs, settings)


def pkd(
    g: Grid,
    student: Job,
    teacher: Job,
    *,
    alpha: float,
    beta: float,
    temperature: float,
    strategy: str,
    **settings: float,
) -> Job:
    """Patient distillation: [CLS] states of the teacher's layers as well, chosen by `strategy`."""
    inputs = {
        "model": student,
        "teacher_logits": predict(g, teacher, "train", g.train_size),
        "teacher": teacher,
    }
    settings |= {"alpha": alpha, "beta": beta, "temperature": temperature}
    job = _trained(g, "pkd", f"pkd_{strategy}", inputs, g.profile.kd_epochs, settings)
    return replace(job, params=job.params | {"strategy": strategy})


def theseus(
    g: Grid,
    model: Job,
    teacher: Job | None = None,
    *,
    keep: float,
    curriculum: Mapping[str, float],
    alpha: float | None = None,
    temperature: float | None = None,
    **settings: float,
) -> Job:
    """Training by replacement: a share `keep` of the model's layers takes the place of all, at rates that the
    `curriculum` (k and b, and its own epochs if any) gives; on labels, or with a teacher on its distribution.
    """
    inputs, label = {"model": model}, "replace"
    if teacher:
        inputs |= {"teacher_logits": predict(g, teacher, "train", g.train_size)}
        label = "replace_distill"
    settings |= {"alpha": alpha, "temperature": temperature}
    job = _trained(g, "theseus", label, inputs, g.profile.kd_epochs, settings)
    return replace(job, params=job.params | dict(curriculum) | {"keep": keep})


def taylor(
    g: Grid, student: Job, teacher: Job | None, *, loss: str, lambda_: float, **settings: float
) -> Job:
    """Training on the loss of that name (`compression.LogitLoss`), of which lambda is the share of labels."""
    inputs = {"model": student}
    if teacher:
        inputs["teacher_logits"] = predict(g, teacher, "train", g.train_size)
    job = _trained(g, "taylor", loss, inputs, g.label_epochs, settings)
    return replace(job, params=job.params | {"loss": loss, "lambda": lambda_})


def distill_in_stages(
    g: Grid,
    student: Job,
    teacher: Job,
    *,
    stages: int,
    steps: int,
    layer_map: list[int],
    first_rate: float,
    selected_by: str,
    every: int,
    size: int | None,
    evaluated: int | None = None,
    texts: Job | None = None,
    **settings: float,
) -> Job:
    """Training on a teacher's hidden states, attention scores and logits, in so many stages that share the
    steps, on so many training examples or on `texts`. The student's layers follow those of the `layer_map`.
    The first stage has `first_rate` times the learning rate; every so many steps the student answers the
    task's main split, or so many texts of it, and the best is kept. Raises BadInput for other numbers of
    stages than 1, 2 and 3, and for a layer map without a layer."""
    in_range(stages, "stages", 1, 3)
    if not layer_map:
        raise BadInput("a layer map has an entry for each of the student's layers, and this one has none")
    asked = examples(g, g.main_split, evaluated)
    inputs = {"model": student, "teacher": teacher, "evaluated": asked}
    if texts:
        inputs["texts"] = texts
    told = {
        "stages": stages,
        "steps": steps,
        "layer_map": layer_map,
        "first_rate": first_rate,
        "selected_by": selected_by,
        "every": every,
        "precision": "fp32",  # see `_trained`
    }
    params = g.data("train", size, **told, **settings)
    return Job("distill_in_stages", params, inputs, f"{student.method} | distill", f"{stages}S-KD")


def distill_task_agnostic(g: Grid, recipe: str, keep: float, size: int | None, settings: Mapping) -> Job:
    """An encoder with a share `keep` of the layers of the profile's, distilled on the grid's texts alone by
    the `recipe` of TinyBERT, DistilBERT or MiniLM. Like a checkpoint it is the same for every seed."""
    whole = pretrained(g, seed=0)
    params = g.data("train", size, recipe=recipe, keep=keep, **_decided(g, settings)) | {"seed": 0}
    return Job("distill_task_agnostic", params, {"model": whole}, f"{recipe} before any task", recipe)


def masked_lm(g: Grid, size: int | None, settings: Mapping) -> Job:
    """A masked language model: the encoder's own, or with `settings` a head that is trained over it on the
    grid's texts. One for all seeds."""
    fixed = g.at(seed=0)
    if not settings:
        return Job("masked_lm", fixed.params(), {}, "masked_lm")
    return Job("masked_lm", fixed.data("train", size, **_decided(g, settings)), {}, "masked_lm")


def _made(kind: str, params: dict, model: Job, step: str) -> Job:
    return Job(kind, params, {"model": model}, f"{model.method} | {step}", step)


def _trained(
    g: Grid, kind: str, label: str, inputs: dict[str, Job], default_epochs: int, settings: Mapping
) -> Job:
    model = inputs["model"]
    # Eight bits of significand cannot hold the 8-bit grid exactly, so quantized models train in fp32.
    precision = "fp32" if quantization_of(model) else g.profile.precision
    params = g.training(default_epochs, precision, settings)
    return Job(kind, g.data("train", g.train_size, **params), inputs, f"{model.method} | {label}", label)


def _decided(g: Grid, settings: Mapping) -> dict:
    return {**settings, "precision": g.profile.precision}


def quantization_of(model: Job | None) -> str | None:
    """The mode in which a model is quantized, by the steps that made it; None where it is not."""
    while model:
        if model.kind == "quantize":
            return model.params["mode"]
        model = model.inputs.get("model")
    return None


def minds_its_batch(model: Job) -> bool:
    """Do the answers of a model, by the steps that made it, hang on the batch? See
    `compression.batch_dependent`."""
    return quantization_of(model) in BATCH_DEPENDENT


# What is measured of a model.


def predict(g: Grid, model: Job, split: str | None = None, size: int | None = None, **others) -> Job:
    """What a model answers on a split, the task's main one unless told."""
    return Job("predict", g.data(split or g.main_split, size, **others), {"model": model}, model.method)


def weight_distances(g: Grid, model: Job, start: Job) -> Job:
    """How far a quantized model's weights are from those of the model that it was made of."""
    return Job("weight_distances", g.params(), {"model": model, "start": start}, model.method)


def bit_kernels(g: Grid, inputs: int, outputs: int, bits: int) -> Job:
    """A matrix of that size multiplied from its bits."""
    params = g.params(inputs=inputs, outputs=outputs, bits=bits)
    return Job("bit_kernels", params, {}, f"{outputs} × {inputs}, {bits} bits")


def answer_qa(g: Grid, model: Job) -> Job:
    """What an extractive QA model answers on the task's main split."""
    return Job("answer_qa", g.data(g.main_split, None), {"model": model}, model.method)


def loyalty(g: Grid, teacher: Job, student: Job) -> Job:
    """A student's predictions compared with its teacher's."""
    pair = {
        "teacher": predict(g.at(seed=teacher.seed), teacher),
        "student": predict(g.at(seed=student.seed), student),
    }
    return Job("loyalty", g.data(g.main_split, None), pair, student.method)


def calibration(g: Grid, model: Job) -> Job:
    """How far a model's probabilities can be taken at their word."""
    return Job("calibration", g.data(g.main_split, None), {"predictions": predict(g, model)}, model.method)


def cost(g: Grid, model: Job, teacher: Job) -> Job:
    """Latency next to the teacher's, and bytes."""
    inputs = {"model": model, "teacher": teacher}
    return Job("cost", g.data(g.main_split, None), inputs, model.method)


def attack(
    g: Grid,
    model: Job,
    recipe: str,
    texts: int | None,
    settings: Mapping | None = None,
    language_model: Job | None = None,
    **others,
) -> Job:
    """An attack on a model with so many texts of the task's main split."""
    inputs = {"model": model} | ({"language_model": language_model} if language_model else {})
    told = {"recipe": recipe, "settings": dict(settings or {}), "resources": g.profile.resources}
    return Job("attack", g.data(g.main_split, texts, **told, **others), inputs, model.method)


def transfer(g: Grid, attacked: Job, target: Job) -> Job:
    """The adversarial texts of an attack put to another model. The record carries the target's method, and in
    its parameters that of the source."""
    params = g.data(g.main_split, attacked.params["size"], source=attacked.method)
    return Job("transfer", params, {"model": target, "attack": attacked}, target.method)


def cls_states(g: Grid, model: Job, task: str, split: str, at_most: int, layerwise: int) -> Job:
    """[CLS] vectors of a model for at most so many examples of a task, its own or another."""
    params = g.at(task=task).data(split, None, at_most=at_most, layerwise=layerwise)
    return Job("cls_states", params, {"model": model}, model.method)


def nearest_neighbours(g: Grid, states: Job, k: int) -> Job:
    """The k nearest neighbours of each example among the states."""
    return Job("nearest_neighbours", g.params(k=k), {"states": states}, states.method)


def similarity(
    g: Grid, one: Job, other: Job, *, ks: tuple[int, ...], per_point: int, other_method: str, other_seed: int
) -> Job:
    """Representation similarity of two models by their [CLS] states for the same examples. The record carries
    seed and method of the first, and in its parameters those of the other."""
    inputs = {}
    for side, states, seed in (("a", one, g.seed), ("b", other, other_seed)):
        inputs[f"states_{side}"] = states
        inputs[f"neighbours_{side}"] = nearest_neighbours(g.at(seed=seed), states, max(ks))
    told = {"ks": list(ks), "per_point": per_point, "other": other_method, "other_seed": other_seed}
    return Job("similarity", g.data(g.main_split, None, **told), inputs, one.method)


def ood_detection(g: Grid, training: Job, inside: Job, outside: Job, foreign: str, k: int) -> Job:
    """Which examples of a foreign task lie far from the training examples, by the k-th nearest of these."""
    inputs = {"training": training, "inside": inside, "outside": outside}
    return Job("ood_detection", g.at(task=foreign).params(k=k), inputs, training.method)


def overlap(g: Grid, predictions: tuple[Job, Job], ood: tuple[Job, Job] | None = None) -> Job:
    """Error overlap of two models, and with `ood` what both flag as foreign."""
    inputs = {f"predictions_{side}": predicted for side, predicted in zip("ab", predictions, strict=True)}
    if ood:
        inputs |= {f"ood_{side}": detected for side, detected in zip("ab", ood, strict=True)}
    return Job("overlap", g.data(g.main_split, None), inputs, predictions[1].method)
