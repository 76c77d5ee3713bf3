// The claims of the ledger, by paper, by verdict and by words; without this script all of them are there.
document.addEventListener("DOMContentLoaded", () => {
  const ledger = document.querySelector(".bc-ledger");
  if (!ledger) return;
  const entries = [...ledger.querySelectorAll(".bc-entry")];
  const bar = document.createElement("form");
  bar.className = "bc-switches";
  bar.setAttribute("role", "search");
  bar.addEventListener("submit", (event) => event.preventDefault());
  const labelled = (words, field) => {
    const label = document.createElement("label");
    label.append(`${words} `, field);
    field.addEventListener("input", filter);
    bar.append(label);
    return field;
  };
  const choice = (key) => {
    const field = document.createElement("select");
    const values = [...new Set(entries.map((entry) => entry.dataset[key]))];
    field.append(...["all", ...values].map((value) => new Option(value, value === "all" ? "" : value)));
    return field;
  };
  const paper = labelled("Paper", choice("paper"));
  const verdict = labelled("Verdict", choice("verdict"));
  const words = document.createElement("input");
  words.type = "search";
  words.placeholder = "a method, a task, a word";
  labelled("Words", words);
  const count = document.createElement("output");
  bar.append(count);
  ledger.before(bar);

  function filter() {
    // At the beginning of a word, so that "RTE" is not found in "reported".
    const wanted = words.value
      .split(/\s+/)
      .filter(Boolean)
      .map((word) => new RegExp(`(^|[^\\p{L}\\p{N}])${word.replace(/[^\p{L}\p{N}]/gu, "\\$&")}`, "iu"));
    for (const entry of entries) {
      const text = entry.textContent;
      entry.hidden =
        (paper.value && entry.dataset.paper !== paper.value) ||
        (verdict.value && entry.dataset.verdict !== verdict.value) ||
        !wanted.every((word) => word.test(text));
    }
    for (const section of ledger.querySelectorAll("section")) {
      section.hidden = [...section.querySelectorAll(".bc-entry")].every((entry) => entry.hidden);
    }
    const shown = entries.filter((entry) => !entry.hidden).length;
    count.textContent = `${shown} of ${entries.length} claims`;
  }
  filter();

  // A link to a comparison leads into a folded claim.
  const unfold = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const entry = target && target.closest(".bc-entry");
    if (entry) {
      entry.open = true;
      target.scrollIntoView();
    }
  };
  window.addEventListener("hashchange", unfold);
  unfold();
});
