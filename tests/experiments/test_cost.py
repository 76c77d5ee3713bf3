"""Predicted seconds: in proportion to the work, and corrected by what such jobs have taken here."""

import pytest
import tiny_profile
from tiny_profile import jobs_of, measurements, model_of

from bert_compression.experiments import PROFILES, Job, cost, in_order, steps
from bert_compression.experiments.cost import Machine, on_processor, predicted_seconds, wall_seconds
from bert_compression.experiments.plan import passes_of, rows_of
from bert_compression.tasks import TASKS

PROCESSOR = Machine("a processor", bf16=4e11, fp32=1e11, layer_seconds=1e-4)
GPU = Machine("a GPU", bf16=1e14, fp32=1e13, layer_seconds=1e-3)
THIS_PROCESSOR = cost.this_processor  # as it is, before a test puts a machine of a known speed in its place


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """A machine of a known speed."""
    monkeypatch.setattr(cost, "this_processor", lambda threads: PROCESSOR)


def grid(profile="smoke", task="sst2", seed=0, **changes):
    if "train_size" in changes:
        changes["train_size"] = {task: changes["train_size"]}
    return tiny_profile.grid(profile, seed, task, **changes)


def model(method="teacher", *arguments, **options):
    return model_of(grid(*arguments, **options), method)


def measurement(kind, method, *arguments, **options):
    jobs = measurements(grid(*arguments, **options), method)
    return next(job for job in jobs if job.kind == kind)


def seconds(job, known=(), gpu=None, **options):
    return predicted_seconds([job], list(known), gpu, **options)[job.identity]


def records(job, seconds, **others):
    """The record of the job, which took so long, and those of all that it needs."""
    *needed, last = [
        {
            "key": each.identity,
            "identity": each.identity,
            "hardware": {"gpu": None},
            "kind": each.kind,
            "params": each.params,
            "method": each.method,
            "inputs": {name: one.identity for name, one in each.inputs.items()},
            "data": {"rows": rows_of(each)} if rows_of(each) else None,
            "status": "failed",
            "seconds": 0.0,
        }
        for each in in_order([job])
    ]
    return [*needed, {**last, "status": "ok", "seconds": seconds, **others}]


def test_work_is_counted_in_examples_through_the_model():
    assert passes_of(model(epochs=3), 1000) == 3 * 3 * 1000  # forward and twice as much back
    assert rows_of(model(train_size=1000)) == 1000
    assert rows_of(model(train_size=None)) == 67_349  # the official split
    assert passes_of(measurement("predict", "teacher"), 872) == 872
    assert passes_of(Job("quantize", {}), 0) == 0
    assert [passes_of(Job("cls_states", {"at_most": 50}), rows) for rows in (40, 60)] == [40, 50]


def test_the_examples_at_hand_count_where_there_are_any():
    teacher = model(train_size=None)
    overhead = cost.OVERHEAD_SECONDS
    few = seconds(teacher, rows=lambda job: 1000) - overhead
    assert seconds(teacher) - overhead == pytest.approx(67.349 * few)
    known = records(teacher, 7.0, data={"rows": 1000})
    assert seconds(teacher, known, rows=lambda job: 1000) == pytest.approx(7.0)
    assert seconds(teacher, known) > 300


def test_a_job_takes_what_its_arithmetic_says():
    """BERT-base on 9,815 pairs of 39 tokens, 32 at a time through 12 layers, in fp32; then what differs."""
    computing = 9815 * 2 * 85e6 * 39 / 1e11
    python = 9815 / 32 * 12 * 1e-4
    assert seconds(measurement("predict", "teacher", "paper", "mnli")) == pytest.approx(
        0.2 + computing + python
    )
    student = seconds(measurement("predict", "kd", "paper", "mnli"))  # with half the layers
    assert student == pytest.approx(0.2 + (computing + python) / 2)
    dynamic = seconds(measurement("predict", "q8_ptq_dynamic", "paper", "mnli"))  # one at a time
    assert dynamic == pytest.approx(0.2 + computing + 3 * 32 * python)
    int8 = seconds(measurement("predict", "q8_ptq_int8", "paper", "mnli"))  # one at a time, on faster kernels
    assert int8 == pytest.approx(0.2 + computing / 3 + 32 * python)


def test_states_of_batch_dependent_models_are_computed_one_at_a_time():
    g = grid("small", "sst2")

    def states(method):
        return seconds(steps.cls_states(g, model_of(g, method), "sst2", "validation", 1000, 100))

    computing, python = 872 * 2 * 10.6e6 * 25 / 1e11, 872 * 6 * 1e-4
    assert states("teacher") == pytest.approx(0.2 + computing + python / 32)
    assert states("q8_ptq_static") == pytest.approx(0.2 + computing + 3 * python / 32)
    assert states("q8_ptq_dynamic") == pytest.approx(0.2 + computing + 3 * python)
    assert states("q8_ptq_int8") == pytest.approx(0.2 + computing / 3 + python)


def test_a_list_of_layers_is_counted_among_those_that_were_there():
    g = grid("paper", "mnli")
    half = steps.truncate(g, model_of(g, "teacher"), 0.5)
    three = steps.reduce_layers(g, half, [1, 3, 5])
    answers = [seconds(steps.predict(g, each)) - 0.2 for each in (model_of(g, "teacher"), half, three)]
    assert answers[1:] == pytest.approx([answers[0] / 2, answers[0] / 4])


def test_what_is_distilled_before_any_task_has_fewer_layers_too():
    predict = measurement("predict", "tinybert", "small", "mnli")
    assert predict.inputs["model"].inputs["model"].kind == "new_head"
    teacher = measurement("predict", "teacher", "small", "mnli")
    assert seconds(predict) - 0.2 == pytest.approx((seconds(teacher) - 0.2) / 2)
    checkpoint = measurement("predict", "distilbert", "paper", "mnli")
    assert checkpoint.params["encoder"] == "bert-base-uncased"  # whose tokenizer it has
    teacher = measurement("predict", "teacher", "paper", "mnli")
    assert seconds(checkpoint) - 0.2 == pytest.approx((seconds(teacher) - 0.2) / 2)


def test_training_is_faster_in_half_precision_and_quantized_models_do_without_it():
    teacher, aware = model("teacher", "paper", "mnli"), model("q8_qat", "paper", "mnli")
    assert (teacher.params["precision"], aware.params["precision"]) == ("bf16", "fp32")
    passes, flop = 9 * 392_702, 9 * 392_702 * 2 * 85e6 * 39
    assert seconds(teacher) == pytest.approx(0.2 + flop / 4e11 + passes / 64 * 12 * 1e-4)
    assert seconds(aware) == pytest.approx(0.2 + flop / 1e11 + 3 * passes / 128 * 12 * 1e-4)


def test_an_attack_asks_four_at_a_time_and_less_with_lesser_words():
    genuine = seconds(measurement("attack", "teacher", "paper", "sst2", attacked=100))
    folder = seconds(measurement("attack", "teacher", "paper", "sst2", attacked=100, resources="folder"))
    asking = 80 * 100 * (2 * 85e6 * 25 / 1e11 + 12 * 1e-4 / 4)
    assert genuine == pytest.approx(0.2 + asking + 100 * 0.3)  # the sentence encoder and the tagger
    assert folder == pytest.approx(0.2 + 0.4 * asking)


def test_texts_of_every_task_have_a_length():
    assert cost.TOKENS.keys() == TASKS.keys()
    premise = seconds(measurement("predict", "teacher", "small", "mnli"))
    sentence = seconds(measurement("predict", "teacher", "small", "sst2"))
    assert premise / sentence > 9815 / 872


@pytest.mark.parametrize("encoder", cost.ENCODERS)
def test_the_encoders_are_as_large_as_they_are(encoder):
    """12 d^2 parameters a layer: four matrices of d x d and two of d x 4 d."""
    sizes = {0.4: 128, 0.6: 64, 3.1: 256, 25.2: 512, 4.7: 312, 10.6: 384, 42.5: 768, 85.0: 768, 302.0: 1024}
    millions, layers = cost.ENCODERS[encoder]
    intermediate = 4
    assert millions == pytest.approx((4 + 2 * intermediate) * sizes[millions] ** 2 * layers / 1e6, rel=0.02)


def test_twice_the_work_takes_twice_as_long_and_a_larger_encoder_longer():
    def without_overhead(*arguments, **changes):
        return seconds(model("teacher", *arguments, **changes)) - cost.OVERHEAD_SECONDS

    assert without_overhead(epochs=4) == pytest.approx(2 * without_overhead(epochs=2))
    assert without_overhead(train_size=500) == pytest.approx(without_overhead() / 2)
    assert without_overhead("paper") > 5 * without_overhead("small") > 0


# On a GPU.


@pytest.mark.parametrize(
    ("kind", "method", "processor"),
    [
        ("predict", "teacher", False),
        ("attack", "q8_ptq_static", False),
        ("attack", "q8_ptq_dynamic", False),
        ("attack", "q8_ptq_int8", True),  # whose kernels are the processor's
        ("attack", "theseus_kd_ptq_int8", True),
        ("predict", "q8_ptq_int8", True),
        ("cost", "teacher", True),
        ("loyalty", "kd", True),
    ],
)
def test_what_leaves_a_gpu_idle_is_timed_on_the_processor(kind, method, processor):
    job = measurement(kind, method, "paper", "mnli")
    assert on_processor(job) == processor
    assert (seconds(job, gpu=GPU) == seconds(job)) == processor


def test_pruning_and_calibration_stay_on_the_processor_and_training_does_not():
    assert on_processor(model("head_prune", "paper", "mnli"))
    assert on_processor(model("q8_ptq_static", "paper", "mnli"))
    assert not on_processor(model("head_prune_kd", "paper", "mnli"))
    assert not on_processor(model("q8_ptq_kd", "paper", "mnli"))


# Records.


def test_what_such_jobs_took_here_corrects_the_arithmetic():
    done, next_one = model(seed=0), model(seed=1)
    known = records(done, 7.0)
    assert seconds(next_one) != pytest.approx(7.0)
    assert seconds(next_one, known) == pytest.approx(7.0)
    assert seconds(next_one, records(done, 7.0, status="failed")) == seconds(next_one)
    other = model("head_prune")
    assert seconds(other, known) == seconds(other)


def test_the_method_counts_where_it_is_known_and_else_how_the_model_is_quantized():
    def predict(method, seed):
        return measurement("predict", method, seed=seed)

    known = [*records(predict("teacher", 0), 1.0), *records(predict("q8_ptq_dynamic", 0), 90.0)]
    assert seconds(predict("teacher", 1), known) == pytest.approx(1.0)
    assert seconds(predict("q8_ptq_dynamic", 1), known) == pytest.approx(90.0)
    ratio = 1.0 / seconds(predict("teacher", 0))
    assert seconds(predict("kd", 1), known) == pytest.approx(ratio * seconds(predict("kd", 1)))
    ratio = 90.0 / seconds(predict("q8_ptq_dynamic", 0))
    another = predict("head_prune_kd_ptq_dynamic", 1)
    assert seconds(another, known) == pytest.approx(ratio * seconds(another))


def test_records_of_an_older_library_do_no_harm():
    job = model()
    stranger = {"key": "1", "identity": "1", "inputs": {}, "method": "", "status": "ok", "seconds": 1.0}
    stranger |= {"data": None, "hardware": {"gpu": None}}
    strangers = [
        {**stranger, "kind": "alchemy", "params": {"task": "sst2"}},
        {**stranger, "kind": "finetune", "params": {"encoder": "builtin-bert"}},
        {
            **stranger,
            "kind": "finetune",
            "params": job.params,
            "data": {"rows": 1000},
            "inputs": {"model": "gone"},
        },
    ]
    assert seconds(job, strangers[:2]) == seconds(job)
    assert seconds(job, strangers) == pytest.approx(1.0)


def test_the_same_job_on_as_many_examples_takes_what_it_took():
    teacher = model("teacher")
    known = [*records(teacher, 7.0), *records(model("teacher", seed=1), 90.0)]
    assert seconds(teacher, known) == pytest.approx(7.0)
    # Of twice the examples that job is none, and both count alike.
    twice = seconds(teacher, known, rows=lambda job: 2 * rows_of(job))
    assert twice == pytest.approx(2 * (7 + 90) / 2, rel=0.1)


def test_records_of_a_processor_price_what_leaves_a_gpu_idle_and_no_more():
    for job, counts in ((measurement("predict", "q8_ptq_int8"), True), (model("teacher"), False)):
        assert on_processor(job) == counts
        priced = seconds(job, records(job, 7.0), GPU)
        assert priced == pytest.approx(7.0 if counts else seconds(job, gpu=GPU))
        assert seconds(job, records(job, 7.0, hardware={"gpu": GPU.name}), GPU) == pytest.approx(7.0)


def test_every_job_of_every_profile_has_a_price():
    for profile in PROFILES.values():
        jobs = in_order(jobs_of(None, None, profile))
        for gpu in (None, GPU):
            priced = predicted_seconds(jobs, [], gpu)
            assert priced.keys() == {job.identity for job in jobs}
            assert all(0 < price < float("inf") for price in priced.values())


# Together, and by whom.


def test_several_workers_need_an_even_share_or_the_longest_chain():
    first = Job("pretrained", {"seed": 0})
    chain = [first, Job("reduce_layers", {"seed": 0}, {"model": first})]
    alone = [Job("pretrained", {"seed": seed}) for seed in (1, 2)]
    jobs = [*chain, *alone]
    took = dict(zip([job.identity for job in jobs], (3.0, 4.0, 5.0, 6.0), strict=True))
    assert [wall_seconds(jobs, took, workers) for workers in (1, 2, 3, 9)] == [18.0, 9.0, 7.0, 7.0]
    assert wall_seconds(chain[1:], {chain[1].identity: 4.0}, 2) == 4.0  # what it needs is there
    assert wall_seconds([], {}, 2) == 0.0


def test_the_speed_of_this_machine_is_measured():
    here = THIS_PROCESSOR(1)
    assert here.name and not here.assumed and here is not PROCESSOR
    assert 1e7 < here.fp32 < 1e14 and 1e7 < here.bf16 < 1e15
    assert THIS_PROCESSOR(1) is here
    assert (cost.this_gpu() is None) == (not cost.torch.cuda.is_available())
