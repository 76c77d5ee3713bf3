"""What jobs that attack a model have in common."""

import json

from bert_compression.attacks.resources import load_resources
from bert_compression.attacks.run import AttackResult, Recipe, attack
from bert_compression.compression.quantization import quantization_mode
from bert_compression.devices import best_device
from bert_compression.experiments.kinds.base import ADVERSARIAL, Work
from bert_compression.experiments.kinds.company import alone
from bert_compression.models import load_tokenizer


def attack_input_model(work: Work, recipe: Recipe) -> AttackResult:
    """Attack the job's examples on its input model; the texts that fooled it are kept as an artifact."""
    model = work.input_model()
    if quantization_mode(model) != "int8":  # whose kernels are the processor's
        model.to(best_device())
    result = attack(
        model,
        load_tokenizer(work.params["encoder"]),
        work.examples,
        load_resources(work.params["resources"], work.data_folder),
        task=work.task,
        max_length=work.params["max_length"],
        seed=work.params["seed"],
        one_at_a_time=alone(work, model),
        progress=work.progress,
        recipe=recipe,
    )
    (work.folder / ADVERSARIAL).write_text(json.dumps(result.texts), encoding="utf-8")
    return result
