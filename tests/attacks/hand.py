"""Models small enough to work an attack out by hand: a tokenizer of a few pieces, a classifier that adds up
weights, a language model that is a table. And the search as a loop that anybody can follow."""

from types import SimpleNamespace

import torch

from bert_compression.attacks.victim import Victim
from bert_compression.metrics import ALREADY_WRONG, FOOLED, WITHSTOOD

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def piece_tokenizer(pieces: list[str]):
    """Small letters, divided into these pieces ("over", "##act"); all else is unknown."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.WordPiece({p: i for i, p in enumerate((*SPECIAL, *pieces))}, unk_token="[UNK]"))
    core.normalizer, core.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.BertPreTokenizer()
    core.decoder = decoders.WordPiece(cleanup=False)
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    return PreTrainedTokenizerFast(tokenizer_object=core, model_max_length=64, **names)


class Adding(torch.nn.Module):
    """A classifier of two labels: label 1 has the sum of the pieces' weights, label 0 has zero."""

    device = torch.device("cpu")

    def __init__(self, tokenizer, weights: dict[str, float]):
        super().__init__()
        self.weights = torch.zeros(len(tokenizer))
        for piece, weight in weights.items():
            self.weights[tokenizer.convert_tokens_to_ids(piece)] = weight

    def forward(self, input_ids, attention_mask, token_type_ids):
        said = (self.weights[input_ids] * attention_mask).sum(1)
        return SimpleNamespace(logits=torch.stack([torch.zeros_like(said), said], dim=1))


class Table(torch.nn.Module):
    """A masked language model that looks at the piece alone: `guesses` holds the scores of the best pieces
    for a piece, best first; every other piece has -99 or less, in the order of the vocabulary."""

    device = torch.device("cpu")

    def __init__(self, tokenizer, guesses: dict[str, dict[str, float]]):
        super().__init__()
        self.config = SimpleNamespace(vocab_size=len(tokenizer), max_position_embeddings=64)
        self.table = -99.0 - torch.arange(float(len(tokenizer))).repeat(len(tokenizer), 1)
        for piece, scores in guesses.items():
            for guess, score in scores.items():
                row, column = tokenizer.convert_tokens_to_ids([piece, guess])
                self.table[row, column] = score

    def forward(self, input_ids, **_):
        return SimpleNamespace(logits=self.table[input_ids])


class Asked(Victim):
    """A victim that notes what it is asked, in order."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.texts = []

    def __call__(self, texts):
        self.texts += texts
        return super().__call__(texts)


def naive(tokens, label, offers, ask, placeholder, first_success, max_share):
    """The search, one question after the other: (outcome, queries, text). `ask` gives the probabilities of a
    text; `offers` what may stand for a word; marks are no words."""
    queries = 1
    right = ask(" ".join(tokens))
    if int(right.argmax()) != label:
        return ALREADY_WRONG, queries, ""
    places = [i for i, token in enumerate(tokens) if token.isalnum()]
    allowed = int(max_share * len(places))
    falls = {}
    for place in places:
        if offers(tokens[place]):
            queries += 1
            falls[place] = right[label] - ask(" ".join(_put(tokens, place, placeholder)))[label]
    current, changed = float(right[label]), 0
    for place in sorted(falls, key=lambda place: -falls[place]):
        if changed > allowed:
            break
        best, flipped = None, None
        for offer in offers(tokens[place]):
            queries += 1
            said = ask(" ".join(_put(tokens, place, offer)))
            flips, probability = int(said.argmax()) != label, float(said[label])
            if flips and first_success:
                return FOOLED, queries, " ".join(_put(tokens, place, offer))
            if probability < current:
                best, current, flipped = offer, probability, flips
        if best is not None:
            tokens, changed = _put(tokens, place, best), changed + 1
            if flipped:
                return FOOLED, queries, " ".join(tokens)
    return WITHSTOOD, queries, ""


def _put(tokens, place, word):
    return [*tokens[:place], word, *tokens[place + 1 :]]
