"""Tables in parquet files, and what is said of those that cannot be read."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bert_compression.errors import BadInput, named

if TYPE_CHECKING:
    import pandas as pd


def read_parquet(path: Path) -> "pd.DataFrame":
    """The table in a file. Raises BadInput, naming the file and where it can be told the column, for what
    cannot be read, and FileNotFoundError where there is no file."""
    import pandas as pd
    import pyarrow.parquet

    if path.is_dir():
        raise BadInput(f"{path} is a folder, and a parquet file is to be there")
    where = ""
    try:
        stored = pyarrow.parquet.read_table(path)
        for name, column in zip(stored.column_names, stored.columns, strict=True):
            where = f", column {name!r}"
            column.validate(full=True)  # such as that texts are UTF-8
        where = ""
        table = pd.read_parquet(path)
    except FileNotFoundError:
        raise
    except Exception as error:  # pandas and pyarrow raise whatever they come upon in a damaged file
        raise BadInput(f"{path} cannot be read as parquet{where}: {named(error)}") from error
    if table.columns.nlevels > 1:
        raise BadInput(f"{path} names its columns in {table.columns.nlevels} rows: write one name for each")
    return table


def require_columns(table: "pd.DataFrame", columns: Sequence[str], where: str) -> None:
    """Raises BadInput for a table without one of these columns."""
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise BadInput(
            f"{where} lacks the column {missing[0]!r}; it has {', '.join(map(str, table.columns))}"
        )
