"""What tests ask of a page in a browser, as JavaScript."""

from __future__ import annotations

CONTRAST = """(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const colour = (text) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, base) => base.map((value, at) => top[at] * top[3] + value * (1 - top[3]));
  const light = (rgb) => {
    const [r, g, b] = rgb.map((value) => value / 255)
      .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      layers.push(colour(getComputedStyle(at).backgroundColor));
    }
    return layers.reverse().reduce((base, layer) => over(layer, base), [255, 255, 255]);
  };
  const bad = [];
  let seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility()) continue;
    if (["SCRIPT", "STYLE", "OPTION"].includes(element.tagName)) continue;
    const style = getComputedStyle(element);
    const base = ground(element);
    const ink = over(colour(element.closest("svg") ? style.fill : style.color), base);
    const [low, high] = [light(ink), light(base)].sort((a, b) => a - b);
    seen += 1;
    if ((high + 0.05) / (low + 0.05) < 4.5) bad.push(walker.currentNode.textContent.trim());
  }
  return { seen, bad };
})()"""
"""Counts texts, and lists those whose contrast with their ground is under 4.5 to 1 (WCAG AA)."""

BUTTONS = """[...document.querySelectorAll("button, input")]
  .filter((each) => each.checkVisibility() && each.getBoundingClientRect().height < 44)
  .map((each) => each.outerHTML)"""
"""Lists what is too small for a finger: under 44 px high."""
