"""BERT-ATTACK (Li et al. 2020): a masked language model says which words would fit, the search picks one.

Where paper, released code and TextAttack's recipe differ, this follows the released code, and says so at the
value. TextAttack's WordSwapMaskedLM(method="bert-attack") is not used: it offers the first 48 combinations
of sub-words that it makes, since it throws their ranking away; it makes all 48 ** n of them first; it asks
the language model anew for every word, padded to 512 tokens; and its recipe cuts K to 8. Book:
metrics/attacks.
"""

import sys
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice, product
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import cross_entropy

from bert_compression.attacks.resources import PLACES_KEPT, Resources
from bert_compression.attacks.search import Words, semantic_constraint, word_by_word
from bert_compression.attacks.victim import Victim
from bert_compression.checks import checked, has, in_range
from bert_compression.errors import BadInput

if TYPE_CHECKING:
    from textattack import Attack
    from transformers import PreTrainedTokenizerBase

# Of a word of several pieces: pieces looked at, guesses for each, combinations tried (released code).
PIECES, GUESSES, COMBINATIONS = 12, 4, 24


@checked
class BertAttack:
    """The attack as a recipe for `attack`; its guesses are kept, and serve all models that it attacks.

    `model` is a masked language model, asked on the device where it lies, `tokenizer` its fast tokenizer.
    Settings, with the defaults of the published command for IMDB:

    - `candidates` (K): how many of the model's guesses are looked at for a word.
    - `threshold`: the least score (a logit) of a guess for a word of one piece; 0 for none. A logit's scale
      is that of the language model: what cuts off much in one cuts off nothing in another.
    - `subwords`: whether words of several pieces are attacked, by combinations of guesses for the pieces.
    - `counter_fitted`: whether guesses are dropped that the counter-fitted vectors know and place far from
      the word (`Resources.apart`): the released code's filter on sentiment tasks, against antonyms.
    - `max_share`: the share of the words that may change before the search gives up, in [0, 1]. Counted are
      the words that the model reads; the released code counts all, and so binds hardly where texts are cut.
    - `min_similarity`: the least cosine of the whole text to the original, or None. The released code
      compares nothing by default, the authors speak of 0.4 to 0.7 for IMDB, looked at after the attack, and
      TextAttack's recipe demands 0.2 of every step. Here, too, it binds every step.

    Raises BadInput for settings out of range.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        tokenizer: "PreTrainedTokenizerBase",
        *,
        candidates: int = 48,
        threshold: float = 0.0,
        subwords: bool = True,
        counter_fitted: bool = True,
        max_share: float = 0.4,
        min_similarity: float | None = None,
    ):
        has(model, "model", "config", "device")
        in_range(-1 if min_similarity is None else min_similarity, "min_similarity", -1)
        if not 1 <= candidates <= model.config.vocab_size:
            raise BadInput(f"candidates must lie in 1..{model.config.vocab_size}, but is {candidates}")
        if not 0 <= max_share <= 1:
            raise BadInput(f"max_share must lie in [0, 1], but is {max_share}")
        self.model, self.tokenizer = model.eval(), tokenizer
        self.candidates, self.threshold, self.subwords = candidates, threshold, subwords
        self.counter_fitted = counter_fitted
        self.max_share, self.min_similarity = max_share, min_similarity
        self._special = frozenset(tokenizer.all_special_tokens)
        self._tops = lru_cache(maxsize=4)(self._top_guesses)
        self.guesses = lru_cache(maxsize=2 * PLACES_KEPT)(self._guesses)

    def __call__(
        self, victim: Victim, resources: Resources, columns: Sequence[str], attacked: int = 0
    ) -> "Attack":
        """The attack on one model, as a `textattack.Attack`; the arguments are those of `textfooler`."""

        def offers(words: Words, place: int) -> list[str]:
            word = words.words[place].lower()
            if word in resources.stop_words:
                return []
            guesses = self.guesses(words.text, words.spans[place])
            fitting = (guess for guess in guesses if guess != word and guess not in resources.stop_words)
            if self.counter_fitted:
                fitting = (guess for guess in fitting if not resources.apart(word, guess))
            return [words.cased(place, guess) for guess in fitting]

        return word_by_word(
            victim,
            offers,
            column=attacked,
            # The paper writes [MASK], the released code puts [UNK].
            placeholder=victim.tokenizer.unk_token,
            first_success=True,
            max_share=self.max_share,
            constraint=semantic_constraint(resources, self.min_similarity),
        )

    def _guesses(self, text: str, span: tuple[int, int]) -> tuple[str, ...]:
        """What the language model would put where the word with that span stands, in small letters."""
        places, ids, scores = self._tops(text)
        pieces = [at for at, (start, end) in enumerate(places) if span[0] <= start < end <= span[1]]
        if not pieces or (len(pieces) > 1 and not self.subwords):
            return ()
        if len(pieces) > 1:
            guesses = self._combinations(ids[pieces])
        else:
            enough = [self.threshold == 0 or score >= self.threshold for score in scores[pieces[0]].tolist()]
            tokens = self.tokenizer.convert_ids_to_tokens(ids[pieces[0]].tolist())
            guesses = [token for token, passes in zip(tokens, enough, strict=True) if passes]
        fitting = (guess for guess in dict.fromkeys(guesses) if self._is_text(guess))
        # One copy of a word serves all places where it fits; a place would cost 3 kB otherwise.
        return tuple(sys.intern(guess.lower()) for guess in fitting)

    def _is_text(self, guess: str) -> bool:
        """No piece of a word, and no punctuation: released code lets a word become a comma."""
        return "##" not in guess and guess not in self._special and any(map(str.isalnum, guess))

    def _top_guesses(self, text: str) -> tuple[list, torch.Tensor, torch.Tensor]:
        """Of each token of the text as it stands, nothing masked: its span, and the best guesses' ids and
        scores, (tokens, candidates). One pass serves all words and all models."""
        limit = self.model.config.max_position_embeddings
        batch = self.tokenizer(
            text, truncation=True, max_length=limit, return_offsets_mapping=True, return_tensors="pt"
        )
        places = batch.pop("offset_mapping")[0].tolist()
        scores, ids = self._scores(**batch)[0].topk(self.candidates)
        return places, ids, scores

    def _combinations(self, ids: torch.Tensor) -> list[str]:
        """Words from guesses for their pieces, (pieces, candidates), the most fluent first: the first
        combinations in order, by the language model's cross-entropy of them alone, without the text."""
        guesses = ids[:PIECES, :GUESSES].tolist()
        combined = torch.tensor(list(islice(product(*guesses), COMBINATIONS)))  # (combinations, pieces)
        scores = self._scores(input_ids=combined)
        loss = cross_entropy(scores.flatten(0, 1), combined.flatten(), reduction="none")
        order = loss.view(combined.shape).mean(1).argsort(stable=True)
        return [
            self.tokenizer.convert_tokens_to_string(
                self.tokenizer.convert_ids_to_tokens(combined[at].tolist())
            )
            for at in order.tolist()
        ]

    def _scores(self, **inputs: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            inputs = {name: tensor.to(self.model.device) for name, tensor in inputs.items()}
            return self.model(**inputs).logits.float().cpu()
