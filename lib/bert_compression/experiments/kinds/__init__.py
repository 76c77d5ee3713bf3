"""The kinds of jobs, one module each, with two functions: `run(work)` computes the job, and
`passes(params, rows)` says how many examples go through the model when the data holds `rows` (a step forward
and back counts three). What several share is in `base`, `training` and `company`.

A module's imports are its code digest, so each imports just what it runs through.
"""

KINDS = (
    "pretrained",
    "pretrain_distill",
    "new_head",
    "finetune",
    "distill",
    "pkd",
    "theseus",
    "taylor",
    "truncate",
    "head_prune",
    "quantize",
    "calibrate",
    "predict",
    "answer",
    "vectors",
    "neighbours",
    "alike",
    "outliers",
    "in_common",
    "calibration",
    "loyalty",
    "attack",
    "masked_lm",
    "weakness",
    "transfer",
    "cost",
)
