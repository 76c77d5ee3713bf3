"""Tiny classifiers of several families, each with a tokenizer of its own vocabulary, and texts for them."""

import torch

WORDS = [
    "the",
    "a",
    "film",
    "is",
    "was",
    "good",
    "bad",
    "great",
    "dull",
    "cast",
    "plot",
    "story",
    "and",
    "not",
    "very",
    "so",
    "but",
    "quite",
    "null",
    "NA",
]
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
MNLI = ("entailment", "neutral", "contradiction")


def make_tokenizer(family: str = "bert", words=WORDS, max_length: float = 1e30):
    """One token a word; as BERT frames texts, or as RoBERTa does."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    roberta = family == "roberta"
    special = ["<s>", "<pad>", "</s>", "<unk>"] if roberta else ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    vocabulary = {word: index for index, word in enumerate([*special, *words])}
    start, end = ("<s>", "</s>") if roberta else ("[CLS]", "[SEP]")
    core = Tokenizer(models.WordLevel(vocabulary, unk_token=special[3] if roberta else special[1]))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    core.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        pair=f"{start} $A {end} {end} $B {end}" if roberta else f"{start} $A {end} $B:1 {end}:1",
        special_tokens=[(start, vocabulary[start]), (end, vocabulary[end])],
    )
    names = {"pad_token": special[1], "unk_token": special[3]} if roberta else {}
    names = names or {"pad_token": special[0], "unk_token": special[1]}
    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    if family in ("distilbert", "roberta"):
        inputs.remove("token_type_ids")
    return PreTrainedTokenizerFast(
        tokenizer_object=core, model_max_length=int(max_length), cls_token=start, sep_token=end,
        model_input_names=inputs, **names,
    )  # fmt: skip


def make_model(family: str = "bert", labels=("negative", "positive"), seed: int = 0, **changes):
    """A classifier with random weights, whose answers lie far apart."""
    import transformers as t

    torch.manual_seed(seed)
    told = {"vocab_size": 4 + len(WORDS), "initializer_range": 0.5, "num_labels": len(labels)}
    if family == "distilbert":
        config = t.DistilBertConfig(
            **told, dim=32, n_layers=2, n_heads=2, hidden_dim=64, max_position_embeddings=40, **changes
        )
        model = t.DistilBertForSequenceClassification(config)
    elif family == "roberta":
        config = t.RobertaConfig(
            **told, **SIZES, max_position_embeddings=42, type_vocab_size=1, pad_token_id=1, **changes
        )
        model = t.RobertaForSequenceClassification(config)
    elif family == "electra":
        config = t.ElectraConfig(**told, **SIZES, embedding_size=16, max_position_embeddings=40, **changes)
        model = t.ElectraForSequenceClassification(config)
    else:
        config = t.BertConfig(**told, **SIZES, max_position_embeddings=40, **changes)
        model = t.BertForSequenceClassification(config)
    model.config.id2label = dict(enumerate(labels))
    model.config.label2id = {label: place for place, label in enumerate(labels)}
    return model.eval()


def saved(folder, model, tokenizer=None):
    """The folder, with the model and a tokenizer in it."""
    model.save_pretrained(folder)
    (tokenizer or make_tokenizer(model.config.model_type)).save_pretrained(folder)
    return str(folder)


def sentences(count: int, seed: int = 0, longest: int = 12) -> list[str]:
    """Random texts of the tokenizer's words."""
    random = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, longest + 1, (count,), generator=random).tolist()
    return [
        " ".join(WORDS[i] for i in torch.randint(len(WORDS), (length,), generator=random).tolist())
        for length in lengths
    ]


def permuted(model, order):
    """The same classifier with its classes in another order, names and all."""
    import copy

    other = copy.deepcopy(model)
    with torch.no_grad():
        other.classifier.weight.copy_(model.classifier.weight[list(order)])
        other.classifier.bias.copy_(model.classifier.bias[list(order)])
    names = [model.config.id2label[place] for place in order]
    other.config.id2label = dict(enumerate(names))
    other.config.label2id = {name: place for place, name in enumerate(names)}
    return other


def nameless(model):
    """The same classifier, whose config does not say what its classes are."""
    model.config.id2label = {place: f"LABEL_{place}" for place in range(model.config.num_labels)}
    model.config.label2id = {f"LABEL_{place}": place for place in range(model.config.num_labels)}
    return model
