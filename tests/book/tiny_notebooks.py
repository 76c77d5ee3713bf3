"""Small notebooks for the tests of the book."""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

DECLARED = 'profile: str = "smoke"\nseeds: list[int] = []\nrate: float = 0.5  # a share\nquick: bool = False'


def write_notebook(path, *sources, parameters=DECLARED):
    cells = [new_markdown_cell("# A page"), new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    cells += [new_code_cell(source) for source in sources]
    path.parent.mkdir(parents=True, exist_ok=True)
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path
