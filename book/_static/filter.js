// A bar above a list of things: `fields`, elements by their labels, and one for words; `changed` is called when a
// reader chooses. Returns the field for words, what tells how many are left, and whether a text has the words.
function filterBar(list, fields, hint, changed) {
  const bar = document.createElement("form");
  bar.className = "bc-switches";
  bar.setAttribute("role", "search");
  bar.addEventListener("submit", (event) => event.preventDefault());
  const words = document.createElement("input");
  words.type = "search";
  words.placeholder = hint;
  for (const [name, field] of Object.entries({ ...fields, words })) {
    const label = document.createElement("label");
    label.append(`${name} `, field);
    field.addEventListener("input", changed);
    bar.append(label);
  }
  const count = document.createElement("output");
  bar.append(count);
  list.before(bar);
  const has = (text) =>
    // At the beginning of a word, so that "RTE" is not found in "reported".
    words.value
      .split(/\s+/)
      .filter(Boolean)
      .map((word) => new RegExp(`(^|[^\\p{L}\\p{N}])${word.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")}`, "iu"))
      .every((word) => word.test(text));
  return { words, count, has };
}

// Let a field offer these values, and keep what was chosen if it is among them.
function offer(field, values, all) {
  const kept = field.value;
  field.replaceChildren(new Option(all, ""), ...values.map((value) => new Option(value, value)));
  field.value = values.includes(kept) ? kept : "";
}
