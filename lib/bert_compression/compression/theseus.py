"""BERT-of-Theseus: a student that replaces its teacher's layers piece by piece while both are in use.

The *predecessor* is the fine-tuned model, cut into modules of equally many layers; each has a *successor*, a
single layer. In training, every module is drawn anew at each step: the predecessor's layers or the
successor compute. Source: Xu et al. 2020, BERT-of-Theseus, section 3, and its released code where named.
Book: methods/theseus.
"""

import copy
from dataclasses import dataclass

import torch
from torch import nn

from bert_compression.checks import checked, in_range
from bert_compression.compression.distillation import Objective
from bert_compression.compression.layers import encoder_layers, self_attention
from bert_compression.errors import BadInput


@checked
def replacement_rate(step: int, k: float, b: float) -> float:
    """With which probability is a module replaced at this step? min(1, k * step + b), steps from 0.

    The linear curriculum of Xu et al. 2020 (section 3.3): from the basic rate b to 1, from where on the
    successors are fine-tuned together. Raises BadInput for a rate b outside [0, 1] or a negative k.
    """
    if not 0 <= b <= 1:
        raise BadInput(f"the basic replacement rate b must lie between 0 and 1, not {b!r}")
    in_range(step, "step", 0)
    if k < 0:
        raise BadInput(f"k, by which the replacement rate grows, must not be negative, but is {k!r}")
    return min(1.0, k * step + b)


class TheseusModule(nn.Module):
    """Some layers of the predecessor, and the layer that is to take their place.

    In training mode the successor computes with the probability `rate`, drawn once for the whole batch, else
    the predecessor's layers do; in evaluation mode always the successor. Its arguments and its result are
    those of a layer of transformers' BertEncoder.
    """

    def __init__(self, predecessors: nn.ModuleList, successor: nn.Module):
        super().__init__()
        self.predecessors, self.successor = predecessors, successor
        self.rate = 1.0

    def forward(
        self, hidden_states: torch.Tensor, *args: object, **kwargs: object
    ) -> torch.Tensor | tuple[torch.Tensor, ...]:
        if not self.training or torch.rand(()).item() < self.rate:
            return self.successor(hidden_states, *args, **kwargs)
        for layer in self.predecessors:
            output = layer(hidden_states, *args, **kwargs)
            # transformers 4 gives a tuple, transformers 5 the tensor itself.
            hidden_states = output[0] if isinstance(output, tuple) else output
        return output


@checked
def replace_modules(predecessor: nn.Module, layers: int) -> nn.Module:
    """A model in training by replacement: `predecessor` with each of `layers` modules next to its successor.

    The successors start as the first `layers` layers of the predecessor and are all that is trained: the
    predecessor's layers, the embeddings, the pooler and the classifier keep their fine-tuned values (as in
    the released code). The predecessor that was given is not touched. Raises BadInput when its layers
    cannot be cut into so many equal modules, or have been changed.
    """
    self_attention(encoder_layers(predecessor)[0])  # refuses what is no BERT before it is copied
    if getattr(predecessor.config, "compression", []):
        raise BadInput("replace the modules of a plain model: prune or quantize the successor afterwards")
    model = copy.deepcopy(predecessor).requires_grad_(False)
    originals = encoder_layers(model)
    if not 1 <= layers <= len(originals) or len(originals) % layers:
        raise BadInput(f"{len(originals)} layers cannot be cut into {layers} modules of equal size")
    size = len(originals) // layers
    model.base_model.encoder.layer = nn.ModuleList(
        TheseusModule(
            originals[module * size : (module + 1) * size],
            copy.deepcopy(originals[module]).requires_grad_(True),
        )
        for module in range(layers)
    )
    return model


@checked
def successor(theseus: nn.Module) -> nn.Module:
    """The student that comes out: a copy with the successors for layers, in evaluation mode. Raises BadInput
    for a model that `replace_modules` has not made."""
    _modules(theseus)
    model = copy.deepcopy(theseus).requires_grad_(True)
    model.base_model.encoder.layer = nn.ModuleList(module.successor for module in encoder_layers(model))
    model.config.num_hidden_layers = len(encoder_layers(model))
    return model.eval()


def _modules(theseus: nn.Module) -> nn.ModuleList:
    modules = encoder_layers(theseus)
    if not all(isinstance(module, TheseusModule) for module in modules):
        raise BadInput("there is no module to be replaced: make the model with replace_modules first")
    return modules


@checked
@dataclass
class Replacing:
    """The objective of training by replacement: another objective's loss, on a model in which each module is
    replaced with a probability that grows from step to step.

    `objective` is cross-entropy in the original (section 3.2), a distillation loss in its combination with
    KD. Counts its own steps: make a new one for each training.
    """

    objective: Objective
    k: float
    b: float
    step: int = 0

    def __post_init__(self):
        replacement_rate(self.step, self.k, self.b)  # refuses what makes no sense before anything is trained

    @property
    def needs(self) -> tuple[str, ...]:
        return self.objective.needs

    def __call__(self, student: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        rate = replacement_rate(self.step, self.k, self.b)
        for module in _modules(student):
            module.rate = rate
        self.step += 1
        return self.objective(student, batch)
