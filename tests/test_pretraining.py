"""The built-in BERT: that it can be remade, that it is what was shipped, and that it is worth having."""

import hashlib
import json
import re
from itertools import islice
from random import Random

import pytest
import torch
from torch.nn import functional as F

from bert_compression import pretraining
from bert_compression.pretraining import SHIPPED
from bert_compression.tasks import builtin
from bert_compression.tasks.language import CONCEPT_OF, FUNCTION_WORDS


def test_a_short_pretraining_is_the_same_to_the_last_bit_and_another_seed_is_not(tmp_path):
    def digests(name: str, seed: int) -> dict[str, str]:
        pretraining.save(pretraining.pretrain(steps=4, seed=seed), tmp_path / name)
        return json.loads((tmp_path / name / "DIGESTS.json").read_text())

    first, again, other = digests("first", 0), digests("again", 0), digests("other", 1)
    assert first == again
    assert first["model.safetensors"] != other["model.safetensors"]
    assert first["vocab.txt"] == other["vocab.txt"]


def test_the_command_writes_a_folder_that_transformers_opens(tmp_path, capsys):
    from transformers import AutoModel, AutoTokenizer

    assert pretraining.main(["--folder", str(tmp_path / "bert"), "--steps", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"step 2: \d+ s, marker loss \d\.\d{4}", lines[0])
    assert re.fullmatch(r"marker accuracy on 1,000 fresh reviews: [01]\.\d{3}", lines[1])
    assert {path.name for path in (tmp_path / "bert").iterdir()} == {*pretraining.FILES, "DIGESTS.json"}
    assert AutoModel.from_pretrained(tmp_path / "bert").config.num_hidden_layers == 12
    assert len(AutoTokenizer.from_pretrained(tmp_path / "bert")) == len(pretraining.VOCABULARY)


def test_documents_hold_no_validation_text_and_no_rare_word():
    documents = [pretraining.document(rng) for rng in [Random(0)] for _ in range(3000)]
    words = {word for text, _ in documents for word in text.split()}
    rare = {word for word, concept in CONCEPT_OF.items() if word in concept.rare}
    assert not words & rare
    assert words == {*CONCEPT_OF, *FUNCTION_WORDS} - rare
    assert not any(builtin.is_held_out(text) for text, _ in documents)
    assert not {text for text, _ in documents} & set(builtin.load("sst2", "validation")["sentence"])
    assert 0.45 < sum(marker for _, marker in documents) / 3000 < 0.55


def test_batches_hold_sentences_of_like_length():
    pool = list(islice(pretraining.batches(Random(0)), 32))
    lengths = [[len(text.split()) for text, _ in batch] for batch in pool]
    assert {len(batch) for batch in pool} == {pretraining.BATCH}
    assert sum(max(batch) - min(batch) for batch in lengths) / 32 < 2
    assert max(map(max, lengths)) - min(map(min, lengths)) > 10


def test_shipped_files_are_those_that_the_digests_name():
    digests = json.loads((SHIPPED / "DIGESTS.json").read_text())
    assert digests.keys() == set(pretraining.FILES)
    for name, digest in digests.items():
        assert hashlib.sha256((SHIPPED / name).read_bytes()).hexdigest() == digest
    assert (SHIPPED / "model.safetensors").stat().st_size < 1_000_000


def test_shipped_files_are_those_that_the_code_writes(tmp_path):
    """All but the weights: a changed lexicon or shape needs `python -m bert_compression.pretraining`."""
    pretraining.save(pretraining.pretrain(steps=1), tmp_path)
    for name in set(pretraining.FILES) - {"model.safetensors"}:
        assert (tmp_path / name).read_bytes() == (SHIPPED / name).read_bytes(), name
    assert (tmp_path / "model.safetensors").read_bytes() != (SHIPPED / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(SHIPPED)


def test_every_word_of_the_language_is_one_token(tokenizer):
    assert tokenizer.model_max_length == pretraining.MAX_LENGTH
    for word in (*CONCEPT_OF, *FUNCTION_WORDS):
        assert tokenizer.tokenize(word) == [word]
    ids = tokenizer("The movie was xyzzy .", "a zebra")["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids) == [
        "[CLS]", "the", "movie", "was", "[UNK]", ".", "[SEP]", "[UNK]", "[UNK]", "[SEP]"
    ]  # fmt: skip
    assert len(tokenizer("the movie " * 5000, truncation=True)["input_ids"]) == pretraining.MAX_LENGTH


def test_shipped_weights_load_whole_and_in_full_precision():
    from transformers import BertForSequenceClassification

    load = BertForSequenceClassification.from_pretrained
    model, info = load(SHIPPED, num_labels=2, output_loading_info=True)
    assert set(info["missing_keys"]) == {"classifier.weight", "classifier.bias"}
    assert not info["unexpected_keys"]
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert sum(parameter.numel() for parameter in model.bert.parameters()) == 440_128


def test_a_fine_tuned_teacher_beats_a_bag_of_words_by_fifteen_points(tokenizer, capsys):
    """Negation, denial and contrast decide, and a bag of words sees none of them."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from transformers import BertForSequenceClassification

    train, validation = builtin.load("sst2", "train"), builtin.load("sst2", "validation")
    bag = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(train["sentence"], train["label"])
    bag_accuracy = bag.score(validation["sentence"], validation["label"])

    torch.manual_seed(0)
    model = BertForSequenceClassification.from_pretrained(SHIPPED, num_labels=2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4)
    train = train.head(1000).sort_values("sentence", key=lambda column: column.str.split().str.len())
    starts = list(range(0, len(train), 32)) * 3
    Random(0).shuffle(starts)
    for step, start in enumerate(starts):
        rows = train.iloc[start : start + 32]
        inputs = tokenizer(rows["sentence"].tolist(), padding=True, return_tensors="pt")
        optimizer.param_groups[0]["lr"] = 5e-4 * min(1, (step + 1) / 10, (len(starts) - step) / 80)
        loss = F.cross_entropy(model(**inputs).logits, torch.tensor(rows["label"].tolist()))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    with torch.inference_mode():
        inputs = tokenizer(validation["sentence"].tolist(), padding=True, return_tensors="pt")
        right = model(**inputs).logits.argmax(1) == torch.tensor(validation["label"].tolist())
    teacher_accuracy = right.float().mean().item()
    with capsys.disabled():
        print(f"\nteacher {teacher_accuracy:.1%}, bag of words {bag_accuracy:.1%}")
    assert teacher_accuracy > 0.93
    assert teacher_accuracy - bag_accuracy >= 0.15
