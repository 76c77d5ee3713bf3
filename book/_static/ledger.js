// The claims of the ledger, by paper, verdict, method and words; without this script all of them are there.
document.addEventListener("DOMContentLoaded", () => {
  const ledger = document.querySelector(".bc-ledger");
  if (!ledger) return;
  const entries = [...ledger.querySelectorAll(".bc-entry")].map((element) => ({
    element,
    values: {
      paper: [element.dataset.paper],
      verdict: [element.dataset.verdict],
      method: JSON.parse(element.dataset.methods),
    },
  }));
  const fields = Object.fromEntries(
    Object.keys(entries[0].values).map((name) => [name, document.createElement("select")]),
  );
  const { words, count, has } = filterBar(ledger, fields, "words", filter);
  const fits = (entry, but) =>
    Object.entries(fields).every(
      ([name, { value }]) => name === but || !value || entry.values[name].includes(value),
    );

  function filter() {
    // Each choice offers what the others leave.
    for (const [name, field] of Object.entries(fields)) {
      const left = entries.filter((entry) => fits(entry, name)).flatMap((entry) => entry.values[name]);
      offer(field, [...new Set(left)], "all");
    }
    for (const entry of entries) entry.element.hidden = !fits(entry) || !has(entry.element.textContent);
    for (const section of ledger.querySelectorAll("section")) {
      section.hidden = [...section.querySelectorAll(".bc-entry")].every((entry) => entry.hidden);
    }
    const shown = entries.filter((entry) => !entry.element.hidden).length;
    count.textContent = `${shown} of ${entries.length} claims`;
  }
  filter();

  // A link to a comparison leads into a folded claim, whatever was chosen before.
  const unfold = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const entry = target && target.closest(".bc-entry");
    if (!entry) return;
    if (entry.hidden) {
      for (const field of [...Object.values(fields), words]) field.value = "";
      filter();
    }
    entry.open = true;
    target.scrollIntoView();
  };
  window.addEventListener("hashchange", unfold);
  unfold();

  // On paper nothing unfolds.
  window.addEventListener("beforeprint", () => entries.forEach(({ element }) => (element.open = true)));
});
