"use strict";
// Everything shown was computed when the page was made; this chooses and orders what is there.
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  for (const sweep of all(".sweep")) {
    const slider = sweep.querySelector("input[type=range]");
    const rows = all("tbody tr", sweep);
    const cursor = sweep.querySelector(".cursor");
    const shown = all("[data-column]", sweep);
    const move = () => {
      const row = rows[Number(slider.value)];
      const cells = [...row.cells].map((cell) => cell.textContent);
      for (const place of shown) place.textContent = cells[Number(place.dataset.column)];
      cursor.setAttribute("x1", row.dataset.at);
      cursor.setAttribute("x2", row.dataset.at);
      slider.setAttribute("aria-valuetext",
        `${cells[0]}: sensitivity ${cells[1]}, specificity ${cells[2]}, called ${cells[3]}`);
    };
    slider.addEventListener("input", move);
    sweep.querySelector(".slider").hidden = false;
    move();
  }

  const form = document.getElementById("filters");
  const list = document.getElementById("gallery");
  const count = document.getElementById("count");
  const none = document.getElementById("none");
  const images = all(".image", list);
  const names = { tp: "true positive", fp: "false positive", fn: "false negative", tn: "true negative" };
  let order = "given";

  const outcome = (image, positive) => {
    const truth = positive.has(image.dataset.truth);
    const called = positive.has(image.dataset.called);
    if (called) return truth ? "tp" : "fp";
    return truth ? "fn" : "tn";
  };

  const arrange = (wanted) => {
    if (wanted === order) return;
    order = wanted;
    const [field, direction] = wanted.split(" ");
    const sign = direction === "down" ? -1 : 1;
    const sorted = wanted === "given" ? images
      : [...images].sort((a, b) => sign * (Number(a.dataset[field]) - Number(b.dataset[field])));
    list.append(...sorted);
  };

  const choose = () => {
    const asked = new FormData(form);
    const positive = new Set(asked.get("subject").split(" "));
    const sums = { all: 0, wrong: 0, tp: 0, fp: 0, fn: 0, tn: 0 };
    for (const image of images) {
      const { truth, called } = image.dataset;
      const kind = outcome(image, positive);
      const wrong = truth !== called;
      const fits = ["", truth].includes(asked.get("truth")) && ["", called].includes(asked.get("called"));
      if (fits) {
        sums.all += 1;
        sums.wrong += wrong;
        sums[kind] += 1;
      }
      const wanted = asked.get("outcome");
      image.hidden = !(fits && (wanted === "all" || wanted === kind || (wanted === "wrong" && wrong)));
      image.querySelector(".outcome").textContent = names[kind];
    }
    arrange(asked.get("order"));
    for (const input of all("input[name=outcome]", form)) {
      input.parentElement.querySelector(".number").textContent = sums[input.value];
    }
    const shown = sums[asked.get("outcome")];
    count.textContent = `${shown} of ${images.length} images`;
    none.hidden = shown > 0;
  };

  form.addEventListener("input", choose);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(choose));
  form.hidden = false;
  document.getElementById("no-script").hidden = true;
  choose();
})();
