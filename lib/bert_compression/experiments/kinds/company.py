"""Does a model get its texts one by one?"""

from typing import TYPE_CHECKING

from bert_compression.compression.quantization import answers_alone
from bert_compression.experiments.kinds.base import Work

if TYPE_CHECKING:
    from torch.nn import Module


def alone(work: Work, model: "Module") -> bool:
    """As the model needs it, unless the job is to see what happens in company (parameter `in_company`)."""
    return answers_alone(model) and not work.params.get("in_company", False)
