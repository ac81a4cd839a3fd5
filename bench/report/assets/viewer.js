"use strict";
// Pictures of one image over one another, a slider that goes through them, and a dialog that shows them large.

// Layers by name, the image itself always below: at 1.5 the second and the third are half seen.
function showLayers(stack, names, position) {
  for (const layer of stack.querySelectorAll(".layer")) {
    const place = names.indexOf(layer.dataset.layer);
    if (place > 0) layer.style.opacity = Math.max(0, 1 - Math.abs(position - place));
  }
}

// A slider and a button for each layer; `onMove(position)` is called at once and on every move.
function layerSlider(names, onMove) {
  const box = element("div", "layer-slider");
  const input = element("input");
  Object.assign(input, { type: "range", min: 0, max: names.length - 1, step: 0.05, value: 0 });
  input.setAttribute("aria-label", `Show ${names.join(", ")}`);
  const move = () => {
    input.setAttribute("aria-valuetext", spoken(names, Number(input.value)));
    onMove(Number(input.value));
  };
  input.addEventListener("input", move);
  const stops = element("div", "stops");
  names.forEach((name, place) => {
    const button = element("button", "stop", name);
    button.type = "button";
    button.addEventListener("click", () => {
      input.value = place;
      move();
    });
    stops.append(button);
  });
  box.append(input, stops);
  move();
  return box;
}

function spoken(names, position) {
  const below = Math.floor(position);
  const share = Math.round((position - below) * 100);
  return share ? `${100 - share} % ${names[below]}, ${share} % ${names[below + 1]}` : names[below];
}

function buildStack(layers, aspect) {
  const stack = element("div", "stack");
  stack.style.aspectRatio = aspect;
  for (const [name, file] of layers) {
    const picture = element("img", "layer");
    Object.assign(picture, { src: file, alt: "" });
    picture.dataset.layer = name;
    stack.append(picture);
  }
  return stack;
}

// One dialog for a page. `neighbours()` gives the images in the order the reader sees them.
class Viewer {
  constructor(neighbours) {
    this.neighbours = neighbours;
    this.position = 0;
    this.dialog = element("dialog", "viewer");
    this.title = element("h2");
    this.title.id = "viewer-title";
    this.dialog.setAttribute("aria-labelledby", this.title.id);
    this.body = element("div");
    const bar = element("div", "bar");
    bar.append(
      this.button("Previous", () => this.step(-1)),
      this.button("Next", () => this.step(1)),
      this.button("Close", () => this.dialog.close()),
    );
    this.dialog.append(this.title, this.body, bar);
    document.body.append(this.dialog);
  }

  button(text, onClick) {
    const button = element("button", "", text);
    button.type = "button";
    button.addEventListener("click", onClick);
    return button;
  }

  open(image) {
    this.image = image;
    this.title.textContent = image.id;
    const names = image.layers.map(([name]) => name);
    const stack = buildStack(image.layers, image.aspect);
    const facts = element("dl", "pairs");
    for (const [name, value] of image.facts) {
      const pair = element("div");
      pair.append(element("dt", "", name), element("dd", "", value));
      facts.append(pair);
    }
    const parts = names.length ? [stack] : [element("p", "note", "No picture of this image.")];
    if (names.length > 1) parts.push(layerSlider(names, (position) => showLayers(stack, names, position)));
    this.body.replaceChildren(...parts, facts);
    if (!this.dialog.open) this.dialog.showModal();
  }

  step(by) {
    const images = this.neighbours();
    const next = images[images.indexOf(this.image) + by];
    if (next) this.open(next);
  }
}

function element(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}
