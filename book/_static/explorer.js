// The explorer: choose lines of its table and see them drawn. Everything is read from the table itself.
document.addEventListener("DOMContentLoaded", () => {
  const explorer = document.querySelector(".bc-explorer");
  if (!explorer) return;
  const MOST = 60; // lines that a drawing has room for
  const columns = { paper: 0, table: 1, task: 2, method: 3, measure: 4 };
  const rows = [...explorer.querySelectorAll("tbody tr")].map((element) => ({
    element,
    words: [...element.cells].map((cell) => cell.textContent),
    numbers: JSON.parse(element.dataset.numbers),
  }));
  const fields = Object.fromEntries(
    [...Object.keys(columns), "seed"].map((name) => [name, document.createElement("select")]),
  );
  const { words, count, has } = filterBar(explorer, fields, "words", () => show(true));
  fields.words = words;
  const drawing = document.createElement("div");
  drawing.className = "bc-scroll";
  drawing.tabIndex = 0;
  drawing.setAttribute("role", "region");
  drawing.setAttribute("aria-label", "The numbers that are left, drawn");
  explorer.before(drawing);

  const fits = (row, but) =>
    Object.entries(columns).every(
      ([name, column]) => name === but || !fields[name].value || row.words[column] === fields[name].value,
    );

  const seeds = [...new Set(rows.flatMap((row) => Object.keys(row.numbers.seeds)))].sort();
  offer(fields.seed, seeds, "mean of all");

  function show(chosen) {
    // Each choice offers what the others leave.
    for (const [name, column] of Object.entries(columns)) {
      const left = rows.filter((row) => fits(row, name)).map((row) => row.words[column]);
      offer(fields[name], [...new Set(left)], "all");
    }
    const seed = fields.seed.value;
    const left = rows.filter((row) => {
      const shown = fits(row) && has(row.words.join(" ")) && (!seed || seed in row.numbers.seeds);
      row.element.hidden = !shown;
      return shown;
    });
    count.textContent = `${left.length} of ${rows.length} numbers`;
    drawing.replaceChildren(draw(left, seed), file(left));
    if (chosen) {
      const kept = Object.entries(fields).filter(([, field]) => field.value);
      history.replaceState(null, "", `#${new URLSearchParams(kept.map(([name, field]) => [name, field.value]))}`);
    }
  }

  // A link that saves the numbers that are left.
  function file(left) {
    const heads = ["paper", "table", "task", "method", "measure", "value", "low", "high", "reported"];
    const lines = left.map(({ words, numbers: n }) => [
      ...words.slice(0, 5),
      ...[n.value, n.low, n.high, n.reported],
      ...seeds.map((seed) => n.seeds[seed]),
    ]);
    const csv = [[...heads, ...seeds.map((seed) => `seed_${seed}`)], ...lines]
      .map((line) => line.map((cell = "") => `"${String(cell).replaceAll('"', '""')}"`).join(","))
      .join("\n");
    const link = document.createElement("a");
    link.href = `data:text/csv;charset=utf-8,${encodeURIComponent(csv)}`;
    link.download = "numbers.csv";
    link.textContent = "These numbers as a file";
    return link;
  }

  function draw(left, seed) {
    const units = new Set(left.map((row) => row.words[4].replace(/.*\((.*)\)$/, "$1")));
    if (!left.length || units.size > 1 || left.length > MOST) {
      const words = document.createElement("p");
      words.className = "bc-legend";
      words.textContent = left.length
        ? `A drawing appears for up to ${MOST} numbers of one unit: choose a table and a measure.`
        : "No number fits.";
      return words;
    }
    const name = "http://www.w3.org/2000/svg";
    const make = (kind, attributes, text) => {
      const element = document.createElementNS(name, kind);
      for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
      if (text) element.textContent = text;
      return element;
    };
    const [measures, tables] = [4, 1].map((column) => new Set(left.map((row) => row.words[column])).size);
    const label = (row) =>
      [row.words[3], measures > 1 && row.words[4], tables > 1 && row.words[1]].filter(Boolean).join(", ");
    const value = (row) => (seed ? row.numbers.seeds[seed] : row.numbers.value);
    const all = left.flatMap(({ numbers: n }) =>
      [n.low, n.high, n.reported, n.value, ...Object.values(n.seeds)].filter((x) => x !== undefined),
    );
    const [least, most] = [Math.min(...all), Math.max(...all)];
    const [text, width, height] = [330, 900, 20];
    const x = (v) => text + 12 + ((v - least) / (most - least || 1)) * (width - text - 70);
    const picture = make("svg", {
      viewBox: `0 0 ${width} ${height * (left.length + 2)}`,
      role: "img",
      class: "bc-drawing",
      "aria-label": left.map((row) => `${label(row)}: ${value(row)}`).join("; "),
    });
    left.forEach((row, place) => {
      const y = height * (place + 1);
      const n = row.numbers;
      picture.append(
        make("text", { x: text, y: y + 4, "text-anchor": "end" }, label(row).slice(0, 52)),
        make("line", { x1: text + 12, x2: width - 58, y1: y, y2: y, class: "bc-rail" }),
      );
      if (n.low !== undefined && !seed) {
        picture.append(make("line", { x1: x(n.low), x2: x(n.high), y1: y, y2: y, class: "bc-reach" }));
      }
      if (!seed) {
        for (const each of Object.values(n.seeds)) {
          picture.append(make("circle", { cx: x(each), cy: y, r: 2.5, class: "bc-seed" }));
        }
      }
      picture.append(make("circle", { cx: x(value(row)), cy: y, r: 5, class: "bc-mean" }));
      if (n.reported !== undefined) {
        const r = x(n.reported);
        picture.append(
          make("path", { d: `M${r - 4} ${y - 4}l8 8m0 -8l-8 8`, class: "bc-reported" }),
        );
      }
      const printed = seed ? row.words[6].split(", ").find((each) => each.startsWith(`${seed}: `)) : row.words[5];
      picture.append(make("text", { x: width - 52, y: y + 4 }, printed.replace(/^\d+: /, "")));
    });
    const foot = seed
      ? `● measured with seed ${seed}; × reported`
      : "● measured, with small dots for seeds and a bar for the 95 % interval of one model; × reported";
    picture.append(make("text", { x: text + 12, y: height * (left.length + 1) + 8 }, foot));
    return picture;
  }

  show(false);
  for (const [key, value] of new URLSearchParams(location.hash.slice(1))) {
    if (fields[key]) fields[key].value = value;
  }
  show(false);
});
