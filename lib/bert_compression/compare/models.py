"""A classifier of any family, with its own tokenizer, inputs and length: from the hub, a folder, an ONNX
file, a model of this package, or memory. Nothing is unpickled, and no code that comes with a model is run."""

import copy
import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from bert_compression.compare.answers import SUFFIX, Answers, load_answers
from bert_compression.compare.data import Dataset, Text
from bert_compression.compare.files import cached_folder, digest, file_facts, tensor_facts, weight_files
from bert_compression.compression import (
    batch_dependent,
    integer_layers,
    load_model,
    quantization_mode,
    save_packed,
)
from bert_compression.compression.kernels import installed
from bert_compression.compression.storage import CONFIG, SEAL
from bert_compression.errors import BadInput, Failure, expanded, one_line, shown
from bert_compression.inference import Progress, predict_logits, softmax
from bert_compression.models import BUILTIN, MINILM, encoder_folder, pretrained_from
from bert_compression.tasks import Encoded, encode

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

BATCH = 32
SHORTEST = 8  # tokens: room for [CLS], two [SEP] and something to read
# Models that number positions from behind their padding token: RoBERTa with 514 rows reads 512 tokens.
COUNT_FROM_PADDING = (
    "camembert", "data2vec-text", "esm", "ibert", "longformer", "mpnet", "roberta", "roberta-prelayernorm",
    "xlm-roberta", "xlm-roberta-xl", "xmod",
)  # fmt: skip
TOKENIZER_FILES = (
    "tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model",
)  # fmt: skip
INPUTS = {"tensor(int32)": np.int32, "tensor(float)": np.float32}  # of ONNX; else 64 bits
# Operators of ONNX that take the range of a whole tensor at hand, and with it of the whole batch.
DYNAMIC_OPERATORS = {"DynamicQuantizeLinear", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM"}

Named = str | Path
Loaded = tuple[nn.Module, "PreTrainedTokenizerBase"]


class Asked(nn.Module):
    """A model that takes what a batch offers and its forward pass knows, and answers with logits alone;
    `order` rearranges its classes."""

    def __init__(self, model: nn.Module, accepts: frozenset[str], order: Sequence[int] | None = None):
        super().__init__()
        self.model, self.accepts, self.order = model, accepts, order
        self.config = copy.copy(model.config)
        if order is not None:
            self.config.id2label = {place: model.config.id2label[old] for place, old in enumerate(order)}

    @property
    def device(self) -> torch.device:
        return next((each.device for each in self.model.parameters()), torch.device("cpu"))

    def forward(self, **batch: torch.Tensor) -> SimpleNamespace:
        answer = self.model(**{name: value for name, value in batch.items() if name in self.accepts})
        logits = getattr(answer, "logits", None)
        if logits is None or logits.ndim != 2:
            raise BadInput(
                f"a {type(self.model).__name__} gives a text no logits of classes: take a classifier"
            )
        return SimpleNamespace(logits=logits if self.order is None else logits[:, list(self.order)])


@dataclass(frozen=True)
class Classifier:
    """A model that can be asked. `labels` names its classes, () for a regression; `batch_dependent` says that
    an answer hangs on the other texts of its batch; then it is asked one text at a time."""

    name: str
    model: Asked
    tokenizer: "PreTrainedTokenizerBase"
    max_length: int
    labels: tuple[str, ...]
    regression: bool
    batch_dependent: bool
    facts: Mapping[str, object]

    def unasked(self, data: Dataset) -> Answers:
        """Answers of no content, by which labels can be looked at before hours of work."""
        width = max(len(self.labels), 1)
        values, cut = np.full((len(data), width), 1 / width), np.zeros(len(data), dtype=bool)
        return Answers(self.name, values, self.labels, self.regression, cut, data.digest)

    def encoded(self, texts: Sequence[Text]) -> Encoded:
        """The texts as this model's tokens."""
        return encode(texts, self.tokenizer, self.max_length)

    def values(self, encoded: Encoded, batch_size: int, progress: Progress | None = None) -> np.ndarray:
        """Probabilities, float64 (texts, classes); of a regression the grades, (texts, 1)."""
        try:
            logits = predict_logits(self.model, encoded, batch_size, progress)
        except Failure as error:
            raise Failure(f"{self.name}: {error}") from error
        if logits.shape[1] != max(len(self.labels), 1):
            raise BadInput(
                f"{self.name} answers with {logits.shape[1]} logits and its config names "
                f"{max(len(self.labels), 1)} labels: repair id2label"
            )
        if not self.regression and _probabilities(logits):  # a second softmax would flatten them
            raise BadInput(
                f"{self.name} answers with probabilities, where logits are asked for: take it without its "
                "softmax, or keep its answers with compare.save_answers"
            )
        return logits.astype(np.float64) if self.regression else softmax(logits)

    def ask(self, data: Dataset, progress: Progress | None = None) -> Answers:
        """Its answers to all texts, alone where they would depend on the batch."""
        encoded = self.encoded(data.texts)
        values = self.values(encoded, 1 if self.batch_dependent else BATCH, progress)
        cut = self._cut(data.texts, encoded)
        return Answers(self.name, values, self.labels, self.regression, cut, data.digest, self.facts)

    def _cut(self, texts: Sequence[Text], encoded: Encoded) -> np.ndarray:
        """Which texts are longer than the model reads? Truth values (texts,)."""
        cut = np.zeros(len(texts), dtype=bool)
        if encoded.truncated:
            full = [i for i, length in enumerate(encoded.lengths) if length == self.max_length]
            columns = ([texts[i][column] for i in full] for column in range(len(texts[0])))
            whole = self.tokenizer(*columns, verbose=False)["input_ids"]
            cut[full] = [len(ids) > self.max_length for ids in whole]
        return cut


def open_classifier(
    what: "Named | Loaded | nn.Module | Answers | Classifier",
    tokenizer: "Named | PreTrainedTokenizerBase | None" = None,
    max_length: int | None = None,
) -> Classifier | Answers:
    """Whatever can be a side of a comparison.

    `what` is a name on the hub, a folder (also one that `save_model` or `save_packed` wrote), an ONNX file
    with its tokenizer and config.json beside it, a file of saved answers (.npz), a model in memory as a pair
    with its tokenizer, or alone. `tokenizer` serves a model that brings none; `max_length` is an upper bound
    for the tokens that it reads. Raises BadInput, in one line, for what is not there, damaged or only a
    pickle, for a model without a trained head, and for one whose answers are neither one of several labels
    nor a grade.
    """
    if isinstance(what, Answers | Classifier):
        return what
    if isinstance(what, tuple) and len(what) == 2:
        model, own = what
        return _in_memory(model, own, max_length)
    if isinstance(what, nn.Module):
        return _in_memory(what, tokenizer, max_length)
    if not isinstance(what, str | Path):
        raise BadInput(f"{shown(what)} is no model: give a name, a path, or a pair of model and tokenizer")
    path = expanded(what)
    if path.suffix == SUFFIX:
        if not os.path.isfile(path):  # of pathlib, a name that is too long would raise
            raise BadInput(f"{path} does not exist: it should hold saved answers")
        return load_answers(path)
    if path.suffix == ".onnx":
        return _onnx(path, tokenizer, max_length)
    if not str(what) or os.path.isfile(path) or (path.is_absolute() and not os.path.isdir(path)):
        raise BadInput(
            f"{str(what)!r} is no model: give a folder, a name on the hub, an .onnx or an .npz file"
        )
    return _from_name(str(what), tokenizer, max_length)


def _from_name(name: str, tokenizer: Any, max_length: int | None) -> Classifier:
    from transformers import AutoModelForSequenceClassification

    folder = encoder_folder(name)
    if folder is not None and _of_this_package(folder):
        model = load_model(folder)
    else:
        options = {"use_safetensors": True, "dtype": torch.float32, "output_loading_info": True}
        model, report = pretrained_from(AutoModelForSequenceClassification, name, **options)
        # transformers has drawn these at random, without an error.
        missing = sorted(report["missing_keys"])
        if missing:
            raise BadInput(
                f"{name!r} has no trained head for classification: its file lacks {len(missing)} tensors, "
                f"{missing[0]} among them; fine-tune it first"
            )
        left_out = _left_out(model, report["unexpected_keys"])
        if left_out:
            raise BadInput(
                f"the file of {name!r} holds {len(left_out)} tensors of layers that its config leaves out, "
                f"{left_out[0]} among them: repair the number of layers in {CONFIG}"
            )
    shown = folder.resolve().name if folder is not None and name not in (BUILTIN, MINILM) else name
    if folder is not None:
        loaded = _tokenizer(shown, name if _has_tokenizer(folder) else tokenizer)
    else:
        loaded = _tokenizer_of_hub(name, tokenizer)
    folder = folder or cached_folder(name)
    files = weight_files(folder) if folder else []
    return _classifier(shown, model, loaded, max_length, file_facts(files))


def _probabilities(answers: np.ndarray) -> bool:
    """Are these distributions? No logits are by accident, but those of a model that always says the same."""
    all_sum_to_1 = np.allclose(answers.sum(axis=1), 1, atol=1e-4)
    return bool((answers >= 0).all() and all_sum_to_1 and np.ptp(answers, axis=0).any())


def _left_out(model: nn.Module, unexpected: Iterable[str]) -> list[str]:
    """Of the tensors that a file holds beside the model's, those that differ from one of the model's by a
    number alone: the config counts fewer layers, and transformers has dropped the others without an error."""

    def pattern(name: str) -> str:
        return re.sub(r"\.\d+\.", ".#.", name)

    known = {pattern(name) for name in model.state_dict()}
    return sorted(name for name in unexpected if pattern(name) in known)


def _in_memory(model: nn.Module, tokenizer: Any, max_length: int | None) -> Classifier:
    name = type(model).__name__
    if not hasattr(model, "config"):
        raise BadInput(
            f"a {name} has no config: give a classifier of transformers, or a file of saved answers"
        )
    # A copy, so that the caller's stays where it is, in the mode and precision that it has.
    copied = copy.deepcopy(model).float().eval()
    if getattr(model.config, "compression", None):
        with tempfile.TemporaryDirectory() as folder:
            save_packed(copied, folder)
            facts = file_facts(weight_files(Path(folder)))
    else:
        facts = tensor_facts(model)
    return _classifier(name, copied, _tokenizer(name, tokenizer), max_length, facts)


def _classifier(
    name: str, model: nn.Module, tokenizer: "PreTrainedTokenizerBase", max_length: int | None, facts: dict
) -> Classifier:
    config = model.config
    labels, regression = _outputs(config, name)
    accepts = set(signature(model.forward).parameters)
    if "input_ids" not in accepts:  # a wrapper that hands on whatever it is given
        accepts = {"input_ids", "attention_mask", "token_type_ids"}
    reads_segments = "token_type_ids" in tokenizer.model_input_names
    if not reads_segments or getattr(config, "type_vocab_size", 1) < 2:
        accepts.discard("token_type_ids")
    integers = [layer.weight().numel() + layer.bias().numel() for _, layer in integer_layers(model)]
    facts = {
        "family": config.model_type,
        "parameters": sum(each.numel() for each in model.parameters()) + sum(integers),
        "compression": [step["method"] for step in getattr(config, "compression", None) or []],
        # Rounded and computed in floating point, which takes longer than either.
        "simulated": quantization_mode(model) not in (None, "int8"),
        **facts,
    }
    asked = Asked(model, frozenset(accepts)).eval()
    length = _length(name, config, tokenizer, max_length)
    return Classifier(name, asked, tokenizer, length, labels, regression, batch_dependent(model), facts)


def _onnx(path: Path, tokenizer: Any, max_length: int | None) -> Classifier:
    from transformers import AutoConfig

    if not path.is_file():
        raise BadInput(f"{path} does not exist")
    onnx, runtime = installed("onnx"), installed("onnxruntime")
    if not (path.parent / CONFIG).is_file():
        raise BadInput(f"{path} needs config.json beside it, which names its labels")
    config = pretrained_from(AutoConfig, str(path.parent))
    try:
        settings = runtime.SessionOptions()
        settings.log_severity_level = 4  # what stops it is raised as well
        settings.intra_op_num_threads = 1  # as both models are timed
        session = runtime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
        graph = onnx.load(str(path), load_external_data=False).graph
    except Exception as error:  # of its own kinds, all of them plain exceptions
        raise BadInput(f"{path} is no ONNX model that runs here: {one_line(error)}") from error
    if any(isinstance(size, int) for each in session.get_inputs() for size in each.shape):
        raise BadInput(f"{path} takes inputs of one size only: export it with dynamic axes")
    own = tokenizer if not _has_tokenizer(path.parent) else str(path.parent)
    loaded = _tokenizer(path.name, own)
    labels, regression = _outputs(config, path.name)
    kinds: Counter[str] = Counter()
    for tensor in graph.initializer:
        kinds[onnx.TensorProto.DataType.Name(tensor.data_type).lower()] += int(np.prod(tensor.dims))
    beside = {
        entry.value
        for tensor in graph.initializer
        for entry in tensor.external_data
        if entry.key == "location"
    }
    files = [path, *(path.parent / name for name in sorted(beside))]
    facts = {
        "family": config.model_type,
        "parameters": sum(kinds.values()),
        "compression": [],
        "bytes": sum(file.stat().st_size for file in files),
        "stored_types": dict(kinds),
        "sha256": digest(files),
    }
    model = OnnxModel(session, config)
    depends = any(node.op_type in DYNAMIC_OPERATORS for node in graph.node)
    length = _length(path.name, config, loaded, max_length)
    asked = Asked(model, frozenset(model.inputs)).eval()
    return Classifier(path.name, asked, loaded, length, labels, regression, depends, facts)


class OnnxModel(nn.Module):
    """An ONNX Runtime session that is asked as a model of transformers is."""

    def __init__(self, session: Any, config: Any):
        super().__init__()
        self.session, self.config = session, config
        self.inputs = {each.name: INPUTS.get(each.type, np.int64) for each in session.get_inputs()}
        outputs = [each.name for each in session.get_outputs()]
        self.output = "logits" if "logits" in outputs else outputs[0]

    def forward(self, **batch: torch.Tensor) -> SimpleNamespace:
        missing = sorted(set(self.inputs) - set(batch))
        if missing:
            raise BadInput(f"the ONNX model asks for {missing[0]}, which no tokenizer gives")
        given = {name: batch[name].cpu().numpy().astype(kind) for name, kind in self.inputs.items()}
        try:
            (logits,) = self.session.run([self.output], given)
        except Exception as error:  # of its own kinds, all of them plain exceptions
            raise Failure(f"ONNX Runtime stops: {one_line(error)}") from error
        return SimpleNamespace(logits=torch.from_numpy(logits))


def _outputs(config: "PretrainedConfig", name: str) -> tuple[tuple[str, ...], bool]:
    """The names of the classes, and whether there are none because the answer is a grade."""
    kind = getattr(config, "problem_type", None)
    named = {int(number): str(label) for number, label in (config.id2label or {}).items()}
    if kind == "multi_label_classification":
        raise BadInput(
            f"{name} gives a text several labels at once (problem_type): compare takes one label a text"
        )
    if kind == "regression" or (kind is None and len(named) == 1):
        if len(named) != 1:
            raise BadInput(f"{name} is a regression of {len(named)} numbers: compare takes one grade a text")
        return (), True
    if len(named) < 2:
        raise BadInput(f"{name} has one logit and is called a classifier: of one class nothing can be said")
    if sorted(named) != list(range(len(named))):
        raise BadInput(f"{name} numbers its labels {sorted(named)} in id2label: they should be 0, 1, ...")
    labels = tuple(named[number] for number in range(len(named)))
    told = {str(label): int(number) for label, number in (getattr(config, "label2id", None) or {}).items()}
    ours = {label: number for number, label in named.items()}
    plain = {f"LABEL_{number}": number for number in range(len(told))}
    if told and told not in (ours, plain):
        if ours == plain and sorted(told.values()) == sorted(named):
            labels = tuple(sorted(told, key=told.__getitem__))
        else:
            odd = next((label for label in told if ours.get(label) != told[label]), labels[0])
            raise BadInput(
                f"{name}: label2id contradicts id2label in config.json, at {odd!r}: repair one of them"
            )
    return labels, False


def _length(name: str, config: "PretrainedConfig", tokenizer: Any, wanted: int | None) -> int:
    """How many tokens the model reads: the least of what its tokenizer, its positions and the user say."""
    positions = getattr(config, "max_position_embeddings", None)
    if positions and config.model_type in COUNT_FROM_PADDING:
        positions -= (config.pad_token_id or 0) + 1
    # A tokenizer that knows no limit says 1e30.
    known = [size for size in (positions, tokenizer.model_max_length) if size and 0 < size < 1e6] or [512]
    length = int(min(known if wanted is None else [*known, wanted]))
    if length < SHORTEST:
        raise BadInput(
            f"{name} would read {length} tokens of a text: give a maximum length of {SHORTEST} or more"
        )
    return length


def _tokenizer(name: str, given: Any) -> "PreTrainedTokenizerBase":
    from transformers import AutoTokenizer

    if given is None:
        raise BadInput(
            f"{name} brings no tokenizer: name one with --tokenizer, that of the model it was made from"
        )
    tokenizer = pretrained_from(AutoTokenizer, str(given)) if isinstance(given, str | Path) else given
    if tokenizer.pad_token_id is None:
        raise BadInput(f"the tokenizer of {name} has no padding token, and batches need one")
    return tokenizer


def _tokenizer_of_hub(name: str, given: Any) -> "PreTrainedTokenizerBase":
    """The model's own, else the given one. Only asking tells: the cache holds a file once it is wanted."""
    try:
        return _tokenizer(name, name)
    except BadInput:
        if given is None:
            raise
        return _tokenizer(name, given)


def _has_tokenizer(folder: Path) -> bool:
    return any((folder / name).is_file() for name in TOKENIZER_FILES)


def _of_this_package(folder: Path) -> bool:
    """Did `save_model` or `save_packed` write a compressed model there?"""
    try:
        told = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        return bool(told.get("compression")) or SEAL in told
    except (OSError, ValueError, AttributeError):
        return False  # transformers says what is wrong
