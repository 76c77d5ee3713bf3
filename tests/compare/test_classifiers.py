"""Every family answers as transformers lets it answer alone; what is no trained classifier is refused."""

import copy
import json
import re

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from small import WORDS, make_model, make_tokenizer, saved, sentences

from bert_compression.compare import open_classifier, read_data
from bert_compression.compare.models import BATCH
from bert_compression.compression import batch_dependent, quantize, save_model, save_packed
from bert_compression.errors import BadInput, Failure

PAIRS = pd.DataFrame({"premise": sentences(40), "hypothesis": sentences(40, seed=1)})
SINGLE = pd.DataFrame({"text": sentences(40)})


def alone(folder, frame, max_length):
    """Probabilities by transformers itself, one text at a time."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    found = []
    for row in frame.itertuples(index=False):
        inputs = tokenizer(*row, truncation=True, max_length=max_length, return_tensors="pt")
        with torch.no_grad():
            found.append(torch.softmax(model(**inputs).logits.double(), dim=-1)[0].numpy())
    return np.array(found)


@pytest.mark.parametrize("frame", [SINGLE, PAIRS], ids=["texts", "pairs"])
@pytest.mark.parametrize("family", ["bert", "distilbert", "electra", "roberta"])
def test_each_family_answers_as_by_itself_with_its_own_tokenizer(tmp_path, family, frame):
    words = WORDS[::-1] if family == "distilbert" else WORDS  # another vocabulary
    folder = saved(tmp_path / family, make_model(family), make_tokenizer(family, words))
    answers = open_classifier(folder).ask(read_data(frame))
    np.testing.assert_allclose(answers.values, alone(folder, frame, 40), atol=1e-5)
    assert answers.labels == ("negative", "positive") and not answers.cut.any()
    assert answers.values.std() > 0.1
    assert answers.facts["family"] == family


def test_no_segments_go_to_a_model_whose_tokenizer_gives_none(tmp_path):
    tokenizer = make_tokenizer()
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    folder = saved(tmp_path / "bert", make_model(), tokenizer)
    found = open_classifier(folder).ask(read_data(PAIRS)).values
    np.testing.assert_allclose(found, alone(folder, PAIRS, 40), atol=1e-5)
    with_segments = open_classifier((make_model(), make_tokenizer())).ask(read_data(PAIRS)).values
    assert not np.allclose(found, with_segments, atol=1e-3)


@pytest.mark.parametrize("family", ["bert", "distilbert", "electra", "roberta"])
def test_a_text_is_read_up_to_the_models_own_positions_and_counted_as_cut(tmp_path, family):
    """RoBERTa's 42 rows are 40 positions; the tokenizers know no limit (1e30)."""
    folder = saved(tmp_path / family, make_model(family))
    frame = pd.DataFrame({"text": ["good " * words for words in (3, 38, 39, 100)]})
    side = open_classifier(folder)
    answers = side.ask(read_data(frame))
    assert side.max_length == 40
    assert answers.cut.tolist() == [False, False, True, True]
    np.testing.assert_allclose(answers.values, alone(folder, frame, 40), atol=1e-5)
    assert open_classifier(folder, max_length=10).ask(read_data(frame)).cut.tolist() == [
        False,
        True,
        True,
        True,
    ]
    with pytest.raises(BadInput, match="would read 5 tokens of a text"):
        open_classifier(folder, max_length=5)


def test_half_precision_is_computed_in_fp32_and_told(tmp_path):
    model = make_model()
    folder = saved(tmp_path / "half", copy.deepcopy(model).half())
    side = open_classifier(folder)
    assert side.facts["stored_types"].keys() == {"F16"}
    assert {each.dtype for each in side.model.parameters()} == {torch.float32}
    assert side.facts["bytes"] < 0.6 * open_classifier(saved(tmp_path / "full", model)).facts["bytes"]


def test_a_model_in_memory_stays_as_it_was():
    model = make_model().half().train()
    side = open_classifier((model, make_tokenizer()))
    side.ask(read_data(SINGLE))
    assert model.training and model.dtype == torch.float16
    assert side.facts["stored_types"].keys() == {"float16"}
    with pytest.raises(BadInput, match="brings no tokenizer: name one with --tokenizer"):
        open_classifier(model)


def test_packed_and_quantized_models_of_this_package_answer_as_in_memory(tmp_path):
    data = read_data(SINGLE)
    for mode, bits in (("dynamic", 2), ("int8", 8)):
        model = quantize(make_model(), mode, weight_bits=bits)
        for save in (save_model, save_packed):
            folder = tmp_path / f"{mode}_{save.__name__}"
            save(model, folder)
            side = open_classifier(str(folder), tokenizer=make_tokenizer())
            assert side.batch_dependent and batch_dependent(model)
            in_memory = open_classifier((model, make_tokenizer()))
            np.testing.assert_array_equal(side.ask(data).values, in_memory.ask(data).values)
            assert side.facts["compression"] == ["quantize"]
            with pytest.raises(BadInput, match="brings no tokenizer"):
                open_classifier(str(folder))
        assert in_memory.facts["sha256"] == side.facts["sha256"]


def test_a_batch_dependent_model_is_asked_one_text_at_a_time():
    side = open_classifier((quantize(make_model(), "dynamic", weight_bits=2), make_tokenizer()))
    data = read_data(SINGLE)
    encoded = side.encoded(data.texts)
    np.testing.assert_array_equal(side.ask(data).values, side.values(encoded, 1))
    assert not np.allclose(side.values(encoded, 1), side.values(encoded, BATCH), atol=1e-3)


def changed_config(folder, **changes):
    told = json.loads((folder / "config.json").read_text())
    told.update(changes)
    (folder / "config.json").write_text(json.dumps(told))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"problem_type": "multi_label_classification"}, "several labels at once"),
        ({"problem_type": "regression"}, "is a regression of 2 numbers"),
        ({"label2id": {"negative": 1, "positive": 0}}, "label2id contradicts id2label in config.json"),
        ({"id2label": {"1": "negative", "2": "positive"}}, "numbers its labels"),
    ],
)
def test_a_config_that_says_something_else_is_refused(tmp_path, changes, message):
    folder = saved(tmp_path / "model", make_model())
    changed_config(tmp_path / "model", **changes)
    with pytest.raises(BadInput, match=message):
        open_classifier(folder)


def test_one_logit_is_a_grade_and_never_a_class(tmp_path):
    folder = saved(tmp_path / "one", make_model(labels=("grade",)))
    answers = open_classifier(folder).ask(read_data(SINGLE))
    assert answers.regression and answers.values.shape == (40, 1) and answers.labels == ()
    assert len(np.unique(answers.values)) > 20
    changed_config(tmp_path / "one", problem_type="single_label_classification")
    with pytest.raises(BadInput, match="has one logit and is called a classifier"):
        open_classifier(folder)


def test_names_that_stand_in_label2id_alone_are_read(tmp_path):
    folder = saved(tmp_path / "model", make_model())
    changed_config(tmp_path / "model", id2label={"0": "LABEL_0", "1": "LABEL_1"})
    assert open_classifier(folder).labels == ("negative", "positive")


def test_a_model_without_a_trained_head_is_refused(tmp_path):
    folder = saved(tmp_path / "headless", make_model())
    weights = load_file(tmp_path / "headless" / "model.safetensors")
    save_file(
        {name: value for name, value in weights.items() if not name.startswith("classifier")},
        tmp_path / "headless" / "model.safetensors",
        metadata={"format": "pt"},
    )
    message = "has no trained head for classification: its file lacks 2 tensors, classifier.bias among them"
    with pytest.raises(BadInput, match=re.escape(message)):
        open_classifier(folder)
    with pytest.raises(BadInput, match="has no trained head for"):
        open_classifier("builtin-bert")


def test_layers_that_the_config_leaves_out_are_refused_and_other_tensors_are_not(tmp_path):
    folder = tmp_path / "cut"
    saved(folder, make_model())
    weights = load_file(folder / "model.safetensors")
    save_file({**weights, "cls.bias": torch.zeros(3)}, folder / "model.safetensors", {"format": "pt"})
    open_classifier(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 1}))
    with pytest.raises(BadInput, match=r"holds 16 tensors of layers that its config leaves out, bert\.enc"):
        open_classifier(folder)


def test_a_model_on_the_hub_is_asked_for_its_tokenizer(tmp_path, monkeypatch):
    """Its folder in the cache holds only what was wanted so far: the configuration and the weights."""
    from bert_compression.compare import models

    saved(tmp_path / "hub", make_model())
    load, cache, bare = models.pretrained_from, tmp_path / "cache", []
    cache.mkdir()
    for name in ("config.json", "model.safetensors"):
        (cache / name).write_bytes((tmp_path / "hub" / name).read_bytes())

    def from_hub(kind, name, **options):
        if bare and name == "some/model" and kind.__name__ == "AutoTokenizer":
            raise BadInput("no usable encoder")
        return load(kind, str(tmp_path / "hub") if name == "some/model" else name, **options)

    monkeypatch.setattr(models, "pretrained_from", from_hub)
    monkeypatch.setattr(models, "cached_folder", lambda name: cache)
    found = open_classifier("some/model")
    assert found.name == "some/model" and found.facts["bytes"] == (cache / "model.safetensors").stat().st_size
    bare.append(True)
    with pytest.raises(BadInput, match="no usable encoder"):
        open_classifier("some/model")
    assert open_classifier("some/model", tokenizer=str(tmp_path / "hub")).tokenizer.pad_token == "[PAD]"


def test_a_torn_tokenizer_and_a_name_longer_than_a_files_are_one_line(tmp_path, no_network):
    saved(tmp_path / "torn", make_model())
    (tmp_path / "torn" / "tokenizer.json").write_text("{")
    with pytest.raises(BadInput, match=r"no usable encoder .*: EOF while parsing"):
        open_classifier(tmp_path / "torn")
    for name in ("a" * 5000, "/" + "a" * 5000, "a" * 5000 + ".npz"):
        with pytest.raises(BadInput):
            open_classifier(name)


@pytest.mark.parametrize("length", [0, -5, 7])
def test_a_length_that_leaves_nothing_to_read_is_refused(length):
    with pytest.raises(BadInput, match=f"would read {length} tokens of a text: give a maximum length of 8"):
        open_classifier((make_model(), make_tokenizer()), max_length=length)


def test_probabilities_are_not_taken_for_logits():
    class Softmax(torch.nn.Module):
        def __init__(self, model, scale):
            super().__init__()
            self.wrapped, self.config, self.scale = model, model.config, scale

        def forward(self, input_ids, attention_mask):
            answer = self.wrapped(input_ids=input_ids, attention_mask=attention_mask)
            answer.logits = self.scale * torch.softmax(answer.logits, dim=-1)
            return answer

    data = read_data(SINGLE)
    open_classifier((Softmax(make_model(), 2), make_tokenizer())).ask(data)
    with pytest.raises(BadInput, match="Softmax answers with probabilities, where logits are asked for"):
        open_classifier((Softmax(make_model(), 1), make_tokenizer())).ask(data)


def test_pickles_and_what_is_not_there_are_refused(tmp_path, no_network):
    model = make_model()
    saved(tmp_path / "pickle", model)
    (tmp_path / "pickle" / "model.safetensors").unlink()
    torch.save(model.state_dict(), tmp_path / "pickle" / "pytorch_model.bin")
    with pytest.raises(BadInput, match="only as a pickle"):
        open_classifier(str(tmp_path / "pickle"))
    with pytest.raises(BadInput, match="no usable encoder 'somebody/something'"):
        open_classifier("somebody/something")
    for name in ("there.npz", "there.onnx"):
        with pytest.raises(BadInput, match="does not exist"):
            open_classifier(tmp_path / name)
    with pytest.raises(BadInput, match="a Linear has no config"):
        open_classifier(torch.nn.Linear(2, 2))


def test_what_gives_no_logits_of_classes_is_refused():
    from transformers import BertForMaskedLM, BertForQuestionAnswering, BertModel

    config = make_model().config
    for kind in (BertModel, BertForMaskedLM, BertForQuestionAnswering):
        side = open_classifier((kind(config), make_tokenizer()))
        with pytest.raises(BadInput, match=f"a {kind.__name__} gives a text no logits of classes"):
            side.ask(read_data(SINGLE))


def test_a_wrapper_that_hands_on_what_it_is_given_answers_as_what_it_wraps():
    class Wrapper(torch.nn.Module):
        def __init__(self, model):
            super().__init__()
            self.wrapped, self.config = model, model.config

        def forward(self, **inputs):
            return self.wrapped(**inputs)

    data = read_data(PAIRS)
    inner, outer = (
        open_classifier((each, make_tokenizer())) for each in (make_model(), Wrapper(make_model()))
    )
    np.testing.assert_array_equal(inner.ask(data).values, outer.ask(data).values)


def test_only_the_weights_that_are_loaded_are_counted(tmp_path):
    folder = saved(tmp_path / "model", make_model())
    alone = open_classifier(folder).facts
    (tmp_path / "model" / "model.fp16.safetensors").write_bytes(b"another")
    assert open_classifier(folder).facts == alone
    sharded = make_model()
    sharded.save_pretrained(tmp_path / "sharded", max_shard_size="30KB")
    make_tokenizer().save_pretrained(tmp_path / "sharded")
    parts = open_classifier(str(tmp_path / "sharded"))
    assert parts.facts["stored_types"] == alone["stored_types"] and parts.facts["sha256"] != alone["sha256"]
    stale = tmp_path / "sharded" / "model-00009-of-00009.safetensors"  # of a model that was there before
    stale.write_bytes((tmp_path / "model" / "model.safetensors").read_bytes())
    assert open_classifier(str(tmp_path / "sharded")).facts == parts.facts


# ONNX


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A folder with a BERT as ONNX, in fp32 and in int8, and as safetensors."""
    quantization = pytest.importorskip("onnxruntime.quantization")
    folder = tmp_path_factory.mktemp("onnx")
    model = make_model(attn_implementation="eager")
    saved(folder, model)

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, input_ids, attention_mask, token_type_ids):
            return self.model(
                input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
            ).logits

    names = ["input_ids", "attention_mask", "token_type_ids"]
    batch = make_tokenizer()(["good film", "a bad film"], padding=True, return_tensors="pt")
    torch.onnx.export(
        Logits(), tuple(batch[name] for name in names), folder / "model.onnx", input_names=names,
        output_names=["logits"], dynamic_axes={name: {0: "batch", 1: "tokens"} for name in names},
        dynamo=False, opset_version=17,
    )  # fmt: skip
    quantization.quantize_dynamic(folder / "model.onnx", folder / "int8.onnx")
    return folder


def test_an_onnx_file_answers_as_the_model_that_it_was_exported_from(exported):
    data = read_data(SINGLE)
    whole, eight = (open_classifier(exported / name) for name in ("model.onnx", "int8.onnx"))
    expected = open_classifier(str(exported)).ask(data).values
    np.testing.assert_allclose(whole.ask(data).values, expected, atol=1e-5)
    assert not whole.batch_dependent
    assert 0 < np.abs(eight.ask(data).values - expected).mean() < 0.2
    assert eight.batch_dependent  # its ranges are those of the whole batch
    assert eight.facts["bytes"] < whole.facts["bytes"] and "float" in whole.facts["stored_types"]


def test_weights_beside_an_onnx_file_are_counted_whatever_their_file_is_called(exported, tmp_path):
    import onnx

    saved(tmp_path, make_model())
    whole = open_classifier(exported / "model.onnx").facts
    onnx.save_model(
        onnx.load(exported / "model.onnx"), tmp_path / "model.onnx", save_as_external_data=True,
        location="weights.bin", size_threshold=0,
    )  # fmt: skip
    facts = open_classifier(tmp_path / "model.onnx").facts
    sizes = [(tmp_path / name).stat().st_size for name in ("model.onnx", "weights.bin")]
    assert facts["bytes"] == sum(sizes) and facts["parameters"] == whole["parameters"]
    weights = bytearray((tmp_path / "weights.bin").read_bytes())
    weights[-1] ^= 1
    (tmp_path / "weights.bin").write_bytes(weights)
    assert open_classifier(tmp_path / "model.onnx").facts["sha256"] != facts["sha256"]


def test_tokens_are_numbered_in_the_bits_that_an_onnx_file_asks_for(exported):
    import onnx

    model = onnx.load(exported / "model.onnx")
    for asked in model.graph.input:
        name = asked.name
        for node in model.graph.node:
            node.input[:] = [f"{each}_64" if each == name else each for each in node.input]
        cast = onnx.helper.make_node("Cast", [name], [f"{name}_64"], to=onnx.TensorProto.INT64)
        model.graph.node.insert(0, cast)
        asked.type.tensor_type.elem_type = onnx.TensorProto.INT32
    onnx.save_model(model, exported / "int32.onnx")
    data = read_data(SINGLE)
    whole, short = (open_classifier(exported / name).ask(data) for name in ("model.onnx", "int32.onnx"))
    np.testing.assert_array_equal(whole.values, short.values)


def test_an_onnx_file_that_stops_at_work_is_one_line(exported, tmp_path):
    saved(tmp_path, make_model())
    import onnx

    model = onnx.load(exported / "model.onnx")
    (words,) = (each for each in model.graph.initializer if each.name.endswith("word_embeddings.weight"))
    words.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(words)[:5], words.name))
    onnx.save_model(model, tmp_path / "short.onnx")
    with pytest.raises(Failure, match=r"^short\.onnx: ONNX Runtime stops: .*indices element out of"):
        open_classifier(tmp_path / "short.onnx").ask(read_data(SINGLE))


def test_an_onnx_file_alone_or_damaged_is_refused(exported, tmp_path):
    (tmp_path / "lonely.onnx").write_bytes((exported / "model.onnx").read_bytes())
    with pytest.raises(BadInput, match="needs config"):
        open_classifier(tmp_path / "lonely.onnx")
    saved(tmp_path, make_model())
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(BadInput, match="is no ONNX model"):
        open_classifier(tmp_path / "broken.onnx")
