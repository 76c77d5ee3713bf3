"""Checkers: the solution passes, the blank fails, and a wrong answer is told what is wrong with it."""

import itertools
import sys

import numpy as np
import pytest
import torch

from bert_compression.book.handout import EXERCISE, has_tag, solution, stub
from bert_compression.workshop import CHECKS, check_binarize, check_kd_loss, check_label_loyalty
from bert_compression.workshop.checks import (
    COMPLEX,
    NO_GRADIENT,
    OTHER_GRADIENT,
    PERCENT,
    PRINTS,
    STAND_IN,
    TUPLE,
    UNFINISHED,
    Check,
    Mistake,
)

BY_NAME = {check.name: check for check in CHECKS}

# What learners type, and words of what they should be told.
WRONG = {
    "label_loyalty": {
        "return teacher_labels == student_labels": "the mean of truth values",
        "return sum(a == b for a, b in zip(teacher_labels, student_labels))": "This counts texts",
        "return np.mean(np.asarray(teacher_labels) != student_labels)": "Loyalty is the other part",
        "return np.mean(teacher_labels) == np.mean(student_labels)": "text by text",
    },
    "error_overlap": {
        "return np.mean((first != gold) * (second != gold))": "You divide by all texts",
        "a, b = first != gold, second != gold; return (a & b).sum() / a.sum()": "first model",
        "a, b = first != gold, second != gold; return (a & b).sum() / b.sum()": "second model",
        "a, b = first == gold, second == gold; return (a & b).sum() / (a | b).sum()": "what they get right",
        "return np.mean(first == second)": "This is label loyalty",
        "a, b = first != gold, second != gold; return (a & (first == second)).sum() / (a | b).sum()": "same",
        "a, b = first != gold, second != gold; return (a & b).sum() / (a.sum() + b.sum())": "counted twice",
    },
    "probability_loyalty": {
        "return 1 - js(teacher_probs, student_probs).mean()": "square root is missing",
        "return np.sqrt(js(teacher_probs, student_probs)).mean()": "Loyalty is 1 minus it",
        "return 1 - js(teacher_probs, student_probs).mean() ** 0.5": "You average first",
        "return np.mean(1 - np.sqrt(kl(teacher_probs, student_probs)))": "KL(teacher ‖ student)",
        "return np.mean(1 - np.sqrt(kl(student_probs, teacher_probs)))": "KL(student ‖ teacher)",
        "return np.mean(1 - np.sqrt(2 * js(teacher_probs, student_probs)))": "One half is missing",
        "return np.mean(1 - np.sqrt(js(teacher_probs, student_probs) / np.log(2)))": "base 2",
        "return 1 - np.sqrt(js(teacher_probs, student_probs))": "one number for each text",
    },
    "kd_loss": {
        "s = log_softmax(teacher_logits / temperature, -1); t = softmax(student_logits / temperature, -1); "
        "return temperature**2 * kl_div(s, t, reduction='batchmean')": "The two are exchanged",
        "s = log_softmax(student_logits / temperature, -1); t = softmax(teacher_logits / temperature, -1); "
        "return temperature**2 * kl_div(s, t)": "average over classes",
        "s = log_softmax(student_logits / temperature, -1); t = softmax(teacher_logits / temperature, -1); "
        "return temperature**2 * kl_div(s, t, reduction='sum')": "sum over the batch",
        "s = log_softmax(student_logits / temperature, -1); t = softmax(teacher_logits / temperature, -1); "
        "return kl_div(s, t, reduction='batchmean')": "The factor T² is missing",
        "s = log_softmax(student_logits / temperature, -1); t = softmax(teacher_logits / temperature, -1); "
        "return temperature * kl_div(s, t, reduction='batchmean')": "by T, not by T²",
        "s = log_softmax(student_logits, -1); t = softmax(teacher_logits, -1); "
        "return kl_div(s, t, reduction='batchmean')": "not used at all",
        "s = log_softmax(student_logits, -1); t = softmax(teacher_logits, -1); "
        "return temperature**2 * kl_div(s, t, reduction='batchmean')": "only in the factor",
        "s = log_softmax(student_logits / temperature, -1); t = softmax(teacher_logits, -1); "
        "return temperature**2 * kl_div(s, t, reduction='batchmean')": "Only the student's",
        "s = softmax(student_logits / temperature, -1); t = softmax(teacher_logits / temperature, -1); "
        "return temperature**2 * kl_div(s, t, reduction='batchmean')": "wants log-probabilities",
        "s, t = (log_softmax(x / temperature, -1) for x in (student_logits, teacher_logits)); "
        "return temperature**2 * kl_div(s, t, reduction='batchmean')": "log_target=True",
    },
    "overconfidence": {
        "return probs.max(0).mean() - (probs.argmax(0) == gold).mean()": "along axis 0",
        "return probs.max(1).mean() - (probs.argmax(0) == gold).mean()": "`argmax` looks along axis 0",
        "return (probs.argmax(1) == gold).mean() - probs.max(1).mean()": "turned round",
        "return abs(probs.max(1).mean() - (probs.argmax(1) == gold).mean())": "Leave out `abs`",
        "return probs[:, 1].mean() - (probs.argmax(1) == gold).mean()": "class 1",
        "return probs.max(axis=1).mean()": "take the accuracy",
    },
    "fake_quantize": {
        "Q = 2**(bits-1) - 1; s = x.abs().mean() / Q; return (x / s).round().clamp(-Q, Q) * s": "the mean",
        "Q = 2**(bits-1) - 1; s = x.max() / Q; return (x / s).round().clamp(-Q, Q) * s": "negative number",
        "Q = 2**(bits-1) - 1; s = x.max() / Q; return (x / s).round() * s": "needs more bits",
        "Q = 2**(bits-1); s = x.abs().max() / Q; return (x / s).round().clamp(-Q, Q) * s": "does not fit",
        "Q = 2**bits - 1; s = x.abs().max() / Q; return (x / s).round() * s": "One bit is for the sign",
        "Q = 2**(bits-1) - 1; s = x.abs().max() / Q; return (x / s).round()": "These are the integers",
        "Q = 2**(bits-1) - 1; s = x.abs().max() / Q; return x // s * s": "You round down",
        "Q = 2**(bits-1) - 1; s = x.abs().max() / Q; return (x / s).int() * s": "makes every weight smaller",
    },
    "binarize": {
        "return torch.sign(weight)": "give them their mean size",
        "return torch.sign(weight) * weight.abs().max()": "the largest size",
        "return torch.sign(weight) * weight.mean()": "plus and minus cancel",
        "return torch.sign(weight) * torch.sqrt((weight**2).mean())": "mean square",
        "return torch.sign(weight) * weight.abs().mean(1, keepdim=True)": "a scale for each row",
    },
    "per_row": {
        "Q = 2**(bits-1) - 1; s = weight.abs().amax(0) / Q; return (weight / s).round() * s": "each column",
        "Q = 2**(bits-1) - 1; s = weight.abs().amax(1) / Q; return (weight / s).round() * s": "keepdim=True",
        "Q = 2**(bits-1) - 1; s = weight.abs().max() / Q; return (weight / s).round() * s": "whole matrix",
        "Q = 2**(bits-1) - 1; s = weight.amax(1, True) / Q; return (weight / s).round().clamp(-Q, Q) * s":
            "`abs` first",
        "Q = 2**(bits-1) - 1; s = weight.abs().mean(1, True) / Q; "
        "return (weight / s).round().clamp(-Q, Q) * s": "the mean of a row",
        "Q = 2**(bits-1) - 1; s = weight.abs().amax(1, True) / Q; return (weight / s).round()": "integers",
        "return weight": "Nothing is rounded",
    },
    "after_attack_accuracy": {
        "return np.mean(outcomes[outcomes > 0] == 1)": "Divide by all texts",
        "return 1 - np.mean(outcomes == 2)": "wrong before any attack",
        "return np.mean(outcomes == 2)": "share that was fooled",
        "return np.mean(outcomes[outcomes > 0] == 2)": "success rate",
        "return np.mean(outcomes > 0)": "before the attack",
        "return np.sum(outcomes == 1)": "This counts texts",
    },
    "lost_alone": {
        "return np.mean((as_found == 2) & (judged != 2))": "You divide by all texts",
        "a, b = np.sum(as_found == 2), np.sum(judged == 2); return (a - b) / a": "then cancel",
        "return np.mean(as_found != judged)": "counts every change",
        "return np.mean(judged[as_found == 2] == 2)": "the share that holds",
        "return np.sum((as_found == 2) & (judged != 2))": "Divide by the number",
    },
}  # fmt: skip
HELPERS = """
def kl(p, q):
    return np.sum(p * (np.log(p) - np.log(q)), axis=1)
def js(p, q):
    return 0.5 * kl(p, (p + q) / 2) + 0.5 * kl(q, (p + q) / 2)
"""


@pytest.fixture(scope="module")
def exercises(notebooks):
    """The cells of all exercises, by the name of their function; of both notebooks."""
    cells = [cell for each in notebooks.values() for cell in each.cells if has_tag(cell, EXERCISE)]
    return {cell.source.split("(")[0].removeprefix("def "): cell for cell in cells}


def test_each_exercise_has_a_check_and_each_check_an_exercise(exercises):
    assert exercises.keys() == BY_NAME.keys() == WRONG.keys()


@pytest.mark.parametrize("name", BY_NAME)
def test_the_solution_passes(name, exercises, typed, capsys):
    function = typed(solution(exercises[name].source), name)
    assert BY_NAME[name](function) is function
    assert capsys.readouterr().out == f"{name}: right.\n"


@pytest.mark.parametrize("name", BY_NAME)
def test_the_blank_is_told_to_be_filled_and_the_books_function_goes_on(name, exercises, typed, capsys):
    assert BY_NAME[name](typed(stub(exercises[name].source), name)) is BY_NAME[name].reference
    told = capsys.readouterr().out
    goes_on = "Until it is right, the book's own function is used below."
    assert told.split() == f"{name}: not yet. {UNFINISHED} {goes_on}".split()
    assert max(map(len, told.splitlines())) <= 78


@pytest.mark.parametrize(
    ("name", "lines", "words"),
    [(name, lines, words) for name, wrong in WRONG.items() for lines, words in wrong.items()],
)
def test_a_wrong_answer_is_told_its_mistake(name, lines, words, exercises, typed):
    head = exercises[name].source.splitlines()[0]
    function = typed(f"{HELPERS}\n{head}\n    {lines}", name)
    told = BY_NAME[name].what_is_wrong(function)
    assert words in told
    assert told in [mistake.says for mistake in BY_NAME[name].mistakes]


@pytest.mark.parametrize("name", BY_NAME)
def test_no_two_mistakes_give_the_same_and_none_is_right(name):
    """Or a learner would be told of a mistake that is not theirs."""
    check = BY_NAME[name]
    assert len(check.mistakes) >= 2 and len(WRONG[name]) >= 2
    for one, other in itertools.permutations(check.mistakes, 2):
        assert Check(0, name, one.function, check.cases, ()).what_is_wrong(other.function) != ""
    for mistake in check.mistakes:
        assert check.what_is_wrong(mistake.function) == mistake.says
        assert len(mistake.says) < 300


def test_the_books_own_function_is_no_answer():
    assert check_label_loyalty.what_is_wrong(check_label_loyalty.reference) == STAND_IN
    assert check_label_loyalty.what_is_wrong(lambda t, s: (t == s).mean()) == ""


def test_where_a_function_stops_is_told_with_its_line(tmp_path, typed):
    source = "def label_loyalty(t, s):\n    both = t == s\n    return both.average()\n"
    path = tmp_path / "cell.py"
    path.write_text(source)
    function = typed(f"exec(compile({source!r}, {str(path)!r}, 'exec'))", "label_loyalty")
    assert check_label_loyalty.what_is_wrong(function) == (
        "It stops in line 3 of its cell, `return both.average()`: AttributeError: 'numpy.ndarray' object has "
        "no attribute 'average'"
    )


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (3, "`label_loyalty` is no function"),
        (None, "`label_loyalty` is no function"),
        (lambda t: 1, "It stops: TypeError: "),
        (lambda t, s: ..., "It returns nothing yet"),
        (lambda t, s: "0.75", "It returns a str"),
        (lambda t, s: {"loyalty": 0.75}, "It returns a dict"),
        (lambda t, s: sys.exit(), "It stops in line"),
        (lambda t, s: sys.exit("enough"), ": SystemExit: enough"),
        (lambda t, s: "much", "It returns a str"),
        (lambda t, s: [torch.ones(2, requires_grad=True)], "It returns a list"),
        (lambda t, s: [[1], [1, 2]], "It returns a list"),
        (lambda t, s: np.zeros((2, 2)), "It returns an array of the shape (2, 2), and one number is wanted"),
        (lambda t, s: np.nan, "not a number (NaN)"),
        (lambda t, s: 0.9, "label_loyalty([0, 1, 1, 0], [0, 1, 0, 0]) is 0.75, and yours gives 0.9"),
        (lambda t, s: 1 / 0, "ZeroDivisionError: division by zero"),
    ],
)
def test_nothing_that_a_learner_writes_stops_a_check(function, told):
    assert told in check_label_loyalty.what_is_wrong(function)


def test_a_function_that_changes_what_it_is_given_is_found():
    def in_place(weight):
        size = weight.abs().mean()
        return weight.sign_().mul_(size)

    assert "changes what it was given" in check_binarize.what_is_wrong(in_place)
    assert check_binarize.what_is_wrong(lambda weight: in_place(weight.clone())) == ""
    assert check_binarize.cases[0][0].tolist() == [[1.0, -3.0], [4.0, -8.0]]


def test_a_loss_without_a_gradient_is_found():
    assert check_kd_loss.what_is_wrong(lambda s, t, T: check_kd_loss.reference(s, t, T).item()) == NO_GRADIENT
    assert check_kd_loss.what_is_wrong(lambda s, t, T: check_kd_loss.reference(s, t, T)) == ""


def test_a_loss_that_leads_back_in_part_or_nowhere_is_found():
    """Its number is right, and so is that it asks for a gradient."""

    def loss(s, t, T):
        return check_kd_loss.reference(s, t, T)

    def gone_back(s, t, T):
        value = loss(s, t, T)
        value.backward()
        return value

    assert check_kd_loss.what_is_wrong(lambda s, t, T: loss(s.detach(), t, T) + 0 * s.sum()) == NO_GRADIENT
    half = check_kd_loss.what_is_wrong(lambda s, t, T: (loss(s, t, T) + loss(s.detach(), t, T)) / 2)
    assert half == OTHER_GRADIENT
    assert check_kd_loss.what_is_wrong(gone_back).startswith("The number is right, but torch cannot go back")
    assert check_kd_loss.what_is_wrong(lambda s, t, T: loss(s.detach_(), t, T)) == NO_GRADIENT
    assert check_kd_loss.what_is_wrong(lambda s, t, T: loss(s, t.requires_grad_(), T)) == ""


@pytest.mark.parametrize("name", BY_NAME)
def test_whatever_the_exercise_what_comes_back_in_a_wrong_form_is_named(name, capsys):
    """A factor of 100, complex numbers, several values, a print."""
    check = BY_NAME[name]
    told = {
        PERCENT: lambda *given: 100 * check.reference(*given),
        COMPLEX: lambda *given: check.reference(*given) + 0j,
        TUPLE: lambda *given: (check.reference(*given), 1),
        PRINTS: lambda *given: print("my number", check.reference(*given)),
    }
    for says, function in told.items():
        assert check.what_is_wrong(function) == says
        assert len(says) < 300
    assert capsys.readouterr().out.count("my number") == len(check.cases)


def test_who_prints_to_find_an_error_sees_it_and_is_right(capsys):
    def label_loyalty(t, s):
        print("both", t == s)
        return (t == s).mean()

    assert check_label_loyalty.what_is_wrong(label_loyalty) == ""
    assert capsys.readouterr().out.count("both") == 2


def test_a_mistake_is_named_only_where_all_cases_show_it():
    mistake = Mistake(lambda x: x**2, "a square")
    check = Check(0, "double", lambda x: 2 * x, ((2.0,), (3.0,)), (mistake,))
    assert check.what_is_wrong(lambda x: x * x) == "a square"
    assert (
        check.what_is_wrong(lambda x: 4.0)
        == "double(3) is 6, and yours gives 4. Work this case out on paper."
    )
