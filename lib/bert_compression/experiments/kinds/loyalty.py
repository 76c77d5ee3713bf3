"""A student's answers held against its teacher's."""

import numpy as np

from bert_compression.experiments.kinds.base import Outcome, Work
from bert_compression.inference import softmax
from bert_compression.metrics.glue import accuracy
from bert_compression.metrics.loyalty import label_loyalty, probability_loyalties, probability_loyalty
from bert_compression.metrics.significance import bootstrap_interval, mcnemar


def run(work: Work) -> Outcome:
    gold = np.array(work.examples.labels)
    teacher, student = work.input_logits("teacher"), work.input_logits("student")
    teacher_labels, student_labels = teacher.argmax(axis=1), student.argmax(axis=1)
    teacher_probs, student_probs = softmax(teacher), softmax(student)
    per_example = probability_loyalties(teacher_probs, student_probs)
    label_low, label_high = bootstrap_interval(teacher_labels == student_labels)
    probability_low, probability_high = bootstrap_interval(per_example)
    metrics = {
        "label_loyalty": label_loyalty(teacher_labels, student_labels),
        "label_loyalty_low": label_low,
        "label_loyalty_high": label_high,
        "probability_loyalty": probability_loyalty(teacher_probs, student_probs),
        "probability_loyalty_low": probability_low,
        "probability_loyalty_high": probability_high,
        "probability_loyalty_base2": probability_loyalty(teacher_probs, student_probs, base=2),
        "accuracy_difference": accuracy(gold, student_labels) - accuracy(gold, teacher_labels),
        "accuracy_difference_p": mcnemar(gold == teacher_labels, gold == student_labels),
    }
    return Outcome(metrics, {"probability_loyalty": np.round(per_example, 3).tolist()})


def passes(params: dict, rows: int) -> int:
    return 0
