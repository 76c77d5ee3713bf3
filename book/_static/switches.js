// Two switches under the title of a page with measured numbers. All pages obey them, and remember them.
document.addEventListener("DOMContentLoaded", () => {
  const kept = (name, value) => {
    try {
      if (value === undefined) return localStorage.getItem(name) === "on";
      localStorage.setItem(name, value ? "on" : "off");
    } catch {} // without storage the switches hold for this page
    return false;
  };
  const title = document.querySelector("article h1");
  const bar = document.createElement("p");
  bar.className = "bc-switches";
  for (const [name, selector, words] of [
    ["bcRun", ".bc-run", "show what the last run found, too (generated English at smoke: no evidence)"],
    ["bcMore", ".bc-more", "show seeds, spread and interval of every number"],
  ]) {
    const apply = (on) => {
      if (on) document.documentElement.dataset[name] = "";
      else delete document.documentElement.dataset[name];
    };
    apply(kept(name));
    if (!document.querySelector(selector)) continue;
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = kept(name);
    box.addEventListener("change", () => {
      apply(box.checked);
      kept(name, box.checked);
    });
    const label = document.createElement("label");
    label.append(box, ` ${words}`);
    bar.append(label);
  }
  if (title && bar.childElementCount) title.after(bar);
});
