// Lines of a table in the order of a column: a click on its head, or the enter key on it, and again for the
// other direction. Cells without a number stay last. Without this script the table is whole, only not ordered.
document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("table.bc-sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.append(...head.childNodes);
      head.append(button);
      button.title = "order the lines by this column";
      button.addEventListener("click", () => {
        const body = table.tBodies[0];
        const lines = [...body.rows].map((row) => {
          const words = row.cells[column].firstChild?.textContent ?? ""; // smaller words stand below them
          return { row, words, number: parseFloat(words.replace("−", "-")) };
        });
        const missing = ({ number }) => Number.isNaN(number);
        // A name may begin with a figure ("2 bits"), and a number may be missing.
        const names = 2 * lines.filter(missing).length > lines.length;
        // Names begin with the first, numbers with the largest.
        const up = head.getAttribute("aria-sort") === (names ? null : "descending");
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        lines.sort((a, b) => {
          const [first, second] = up ? [a, b] : [b, a];
          if (names) return first.words.localeCompare(second.words);
          if (missing(a) || missing(b)) return missing(a) - missing(b);
          return first.number - second.number;
        });
        body.append(...lines.map(({ row }) => row));
      });
    });
  }
});
