"""The numbers that the papers print, as they print them: one CSV file a table."""

from importlib.resources import files

import pandas as pd

from bert_compression.errors import BadInput


def reported(name: str) -> pd.DataFrame:
    """What does the paper's table say? One row a method, in the paper's row order and units.

    `name` is a file of `report/reported` without its ending, such as "loyalty_table_3". Percentages are
    in percent, speed-ups in multiples of the teacher's speed. Raises BadInput for an unknown name.
    """
    folder = files("bert_compression.report") / "reported"
    known = sorted(file.name.removesuffix(".csv") for file in folder.iterdir() if file.name.endswith(".csv"))
    if name not in known:
        raise BadInput(f"unknown reported table {name!r}: the known ones are {', '.join(known)}")
    with (folder / f"{name}.csv").open() as lines:
        return pd.read_csv(lines)
