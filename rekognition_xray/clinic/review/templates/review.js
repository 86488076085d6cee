"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const part = (id) => document.getElementById(id);
  const store = `rxray-review-${data.id}`;
  const kept = (() => {
    try { return JSON.parse(localStorage.getItem(store)) || {}; } catch { return {}; }
  })();
  let unsent = kept.unsent || [];
  const readings = data.save_to ? [...data.readings, ...unsent] : kept.readings || [];
  let at = 0;
  let sending = false;

  const keep = () => {
    try { localStorage.setItem(store, JSON.stringify({ readings: data.save_to ? [] : readings, unsent, reader: part("reader").value })); } catch { /* full or forbidden */ }
  };
  const lastOf = (image) => readings.findLast((each) => each.source === image.source && each.reader === part("reader").value.trim());
  const hasPicture = (image) => image.picture !== null;

  const showModel = (image, mine) => {
    const box = part("model");
    box.replaceChildren();
    if (data.blind && !mine) return;
    const line = document.createElement("p");
    line.textContent = image.finding === null ? `No diagnosis: ${image.reason}` : `Model: ${image.finding} (${image.why}). ${image.reason}`;
    box.append(line);
    const list = document.createElement("dl");
    for (const [label, value] of Object.entries(image.confidences)) {
      const [term, figure] = [document.createElement("dt"), document.createElement("dd")];
      [term.textContent, figure.textContent] = [label, value === null ? "not known" : value.toFixed(3)];
      list.append(term, figure);
    }
    box.append(list);
  };

  const show = () => {
    const image = data.images[at];
    const mine = lastOf(image);
    const named = part("reader").value.trim() !== "";
    part("place").textContent = `${at + 1} of ${data.images.length}`;
    part("name").textContent = image.name;
    part("zoom").hidden = !hasPicture(image);
    part("no-picture").hidden = hasPicture(image);
    part("no-picture").textContent = `The image cannot be shown: ${image.no_picture}`;
    if (hasPicture(image) && part("picture").getAttribute("src") !== image.picture) part("picture").src = image.picture;
    for (const button of part("answers").querySelectorAll("button")) {
      button.disabled = !named;
      const chosen = mine && (button.dataset.label === undefined ? button.dataset.verdict === mine.verdict : button.dataset.label === mine.label);
      button.setAttribute("aria-pressed", String(Boolean(chosen)));
    }
    part("back").disabled = at === 0;
    part("next").disabled = at === data.images.length - 1;
    showModel(image, mine);
    const done = data.images.filter(lastOf).length;
    part("saved").textContent = !named ? "Enter your name or number to begin."
      : `${done} of ${data.images.length} read` + (unsent.length && data.save_to ? `, ${unsent.length} not saved yet` : "") + ".";
    part("save").hidden = data.save_to !== "" || readings.length === 0;
  };

  const send = async () => {
    if (sending || !data.save_to) return;
    sending = true;
    while (unsent.length) {
      let why = "";
      try {
        const answer = await fetch(data.save_to, { method: "POST", body: JSON.stringify(unsent[0]) });
        if (!answer.ok) why = await answer.text();
      } catch { why = "the server does not answer"; }
      part("failed").hidden = !why;
      part("failed").textContent = why && `Not saved: ${why}. It is tried again with the next answer.`;
      if (why) break;
      unsent.shift();
      keep();
    }
    sending = false;
    show();
  };

  const answer = (label, verdict) => {
    const reader = part("reader").value.trim();
    if (!reader) { part("reader").focus(); return; }
    const image = data.images[at];
    const reading = {
      rxray_reading: 1, source: image.source, label: label ?? null,
      verdict: label === undefined ? verdict : label === image.finding ? "agree" : "correct",
      reader, time: new Date().toISOString(), finding: image.finding, blind: data.blind && !lastOf(image),
    };
    readings.push(reading);
    unsent.push(reading);
    keep();
    show();
    send();
  };

  const save = () => {
    const text = readings.map((each) => `${JSON.stringify(each)}\n`).join("");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/x-ndjson" }));
    link.download = "readings.jsonl";
    link.click();
    unsent = [];
    keep();
  };

  const move = (step) => {
    at = Math.min(Math.max(at + step, 0), data.images.length - 1);
    zoom(false);
    show();
  };
  const zoom = (on) => part("zoom").setAttribute("aria-pressed", String(on));
  const zoomed = () => part("zoom").getAttribute("aria-pressed") === "true";
  const agree = () => {
    const image = data.images[at];
    if (data.labels.includes(image.finding) && (!data.blind || lastOf(image))) answer(image.finding);
  };

  const keys = {
    ArrowLeft: () => move(-1), ArrowRight: () => move(1), z: () => zoom(!zoomed()), a: agree,
    u: () => answer(undefined, "unsure"), x: () => answer(undefined, "unreadable"),
    s: () => { if (!part("save").hidden) save(); },
  };
  data.labels.slice(0, 9).forEach((label, place) => { keys[String(place + 1)] = () => answer(label); });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input")) return;
    const action = keys[event.key] || keys[event.key.toLowerCase()];
    if (action) { event.preventDefault(); action(); }
  });
  part("answers").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) answer(button.dataset.label, button.dataset.verdict);
  });
  part("picture").addEventListener("error", () => {
    part("zoom").hidden = true;
    part("no-picture").hidden = false;
    part("no-picture").textContent = "The image cannot be shown: it cannot be read any more.";
  });
  part("zoom").addEventListener("click", () => zoom(!zoomed()));
  part("back").addEventListener("click", () => move(-1));
  part("next").addEventListener("click", () => move(1));
  part("save").addEventListener("click", save);
  part("reader").addEventListener("input", () => { keep(); show(); });
  part("reader").addEventListener("keydown", (event) => { if (event.key === "Enter") event.target.blur(); });
  addEventListener("beforeunload", (event) => { if (unsent.length) event.preventDefault(); });

  part("reader").value = kept.reader || "";
  document.querySelector("main").hidden = false;
  show();
  if (!part("reader").value) part("reader").focus();
  send();
})();
