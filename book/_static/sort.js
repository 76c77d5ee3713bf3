// Lines of a table in the order of a column: a click on its head, or the enter key on it, and again for the
// other direction. Cells without a number stay last. Without this script the table is whole, only not ordered.
document.addEventListener("DOMContentLoaded", () => {
  const number = (cell) => parseFloat(cell.textContent.replace("−", "-"));
  for (const table of document.querySelectorAll("table.bc-sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.append(...head.childNodes);
      head.append(button);
      button.title = "order the lines by this column";
      button.addEventListener("click", () => {
        const body = table.tBodies[0];
        const lines = [...body.rows].map((row) => ({ row, cell: row.cells[column] }));
        const names = lines.every(({ cell }) => Number.isNaN(number(cell)));
        // Names begin with the first, numbers with the largest.
        const up = head.getAttribute("aria-sort") === (names ? null : "descending");
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        lines.sort((a, b) => {
          const [first, second] = up ? [a, b] : [b, a];
          if (names) return first.cell.textContent.localeCompare(second.cell.textContent);
          const [x, y] = [number(a.cell), number(b.cell)];
          if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
          return up ? x - y : y - x;
        });
        body.append(...lines.map(({ row }) => row));
      });
    });
  }
});
