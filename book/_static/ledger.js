// The claims of the ledger, by paper, by verdict and by words; without this script all of them are there.
document.addEventListener("DOMContentLoaded", () => {
  const ledger = document.querySelector(".bc-ledger");
  if (!ledger) return;
  const entries = [...ledger.querySelectorAll(".bc-entry")];
  const choice = (key) => {
    const field = document.createElement("select");
    const values = [...new Set(entries.map((entry) => entry.dataset[key]))];
    field.append(...["all", ...values].map((value) => new Option(value, value === "all" ? "" : value)));
    return field;
  };
  const chosen = { paper: choice("paper"), verdict: choice("verdict") };
  const { count, has } = filterBar(ledger, chosen, "a method, a task, a word", filter);

  function filter() {
    for (const entry of entries) {
      const fits = Object.entries(chosen).every(([key, { value }]) => !value || entry.dataset[key] === value);
      entry.hidden = !fits || !has(entry.textContent);
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
