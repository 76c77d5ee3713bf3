"""What bits weigh, and how fast they are: the sizes that Wu et al. 2022 print next to the bytes of a file,
and matrices multiplied from their bits."""

from functools import partial
from typing import TYPE_CHECKING

from bert_compression.compression import counted_size_mib, stored_parts
from bert_compression.experiments import Grid, Job, steps
from bert_compression.report.html import Shown, simple_table
from bert_compression.report.reported import reported
from bert_compression.report.tables import Column, Panel, Row, Table, first_seed

if TYPE_CHECKING:
    from transformers import PretrainedConfig

# Of BERT-base by bits: from the main text, with which C.8 compares, and from the captions of C.2 and C.3.
PRINTED_WHOLE = {32: 417.2, 2: 26.8, 1: 13.0}


def printed_sizes() -> dict[tuple[int, int], float]:
    """The sizes that the paper prints, in MB, by layers and bits."""
    lines = reported("xtc", "xtc_table_C8")
    lines = lines[lines.model.str.startswith("XTC")]
    of_layers = zip(lines.layers, lines.bits, lines.size_mb, strict=True)
    return {
        **{(12, bits): size for bits, size in PRINTED_WHOLE.items()},
        **{(int(layers), int(bits)): float(size) for layers, bits, size in of_layers},
    }


def sizes_table() -> Shown:
    """What do the models of the paper weigh: as printed, as counted by its rule, and in a file, part by
    part?"""
    rows = []
    whole = sum(stored_parts(_bert(12)).values())
    for (layers, bits), printed in printed_sizes().items():
        parts = stored_parts(_bert(layers), bits)
        total = sum(parts.values())
        rows.append(
            [
                f"{layers}, {bits}",
                f"{printed:.1f}",
                f"{counted_size_mib(_bert(layers), bits):.2f}",
                f"{total / 2**20:.2f}",
                f"{counted_size_mib(_bert(12)) / counted_size_mib(_bert(layers), bits):.1f} ×",
                f"{whole / total:.1f} ×",
                *(f"{parts[name] / 2**20:.2f}" for name in parts if name != "low rank"),
            ]
        )
    names = [name for name in stored_parts(_bert(12)) if name != "low rank"]
    short = {"word embeddings": "words", "other embeddings": "other embed­dings"}  # the table fits a screen
    heads = ["Layers, bits", "printed", "counted", "stored", "counted", "stored"]
    heads += [short.get(name, name) for name in names]
    return simple_table(
        "What the bits weigh, in MiB: BERT-base as the paper prints it, counted by its rule, and stored.",
        heads,
        rows,
        [("size, MiB", 3), ("smaller than BERT-base", 2), ("parts of the file, MiB", len(names))],
    )


def _bert(layers: int) -> "PretrainedConfig":
    from transformers import BertConfig

    return BertConfig(num_hidden_layers=layers)


# Matrices of a layer of BERT-base: what goes in, what comes out.
SHAPES = {
    "attention, 768": (768, 768),
    "intermediate, 768 to 3,072": (768, 3072),
    "output, 3,072 to 768": (3072, 768),
}


def _kernels(inputs: int, outputs: int, bits: int, g: Grid) -> Job:
    return steps.bit_kernels(g, inputs, outputs, bits)


def _itself(g: Grid, row: Row) -> Job | None:
    return row.recipe(g)


KERNEL_COLUMNS = (
    Column("smaller", "Smaller in memory", _itself, scale=1.0, unit="×"),
    *(
        Column(
            f"speedup_{how}_{rows}",
            f"Speed, {rows} token{'s' * (rows > 1)}, {told}",
            _itself,
            scale=1.0,
            digits=2,
            unit="×",
        )
        for how, told in (("rounded", "8-bit input"), ("exact", "fp32 input"))
        for rows in (1, 8, 64)
    ),
    Column("error_rounded_64", "Off, 8-bit input", _itself, digits=2),
    Column("error_exact_64", "Off, fp32 input", _itself, digits=5),
)
KERNELS = Table(
    paper="xtc",
    name="bit_kernels",
    title="Running from the bits",
    task="rte",
    rows=tuple(
        Row(
            f"{inputs}_{outputs}_{bits}bit",
            f"{label}, {bits} bit{'s' * (bits > 1)}",
            partial(_kernels, inputs, outputs, bits),
        )
        for label, (inputs, outputs) in SHAPES.items()
        for bits in (1, 2)
    ),
    columns=KERNEL_COLUMNS,
    panels=(
        Panel(
            "all",
            "Running from the bits: matrices of BERT-base multiplied by ONNX Runtime's MatMulNBits, next to "
            "torch in fp32, on one core.",
            tuple(column.name for column in KERNEL_COLUMNS),
        ),
    ),
    seeds=first_seed,
)
