"use strict";
// The page of a run: training curves, the layers of the worst mistakes, and the viewer.

function drawTraining() {
  const canvases = document.querySelectorAll("#training canvas");
  (readData("training-data") ?? []).forEach((curve, i) => {
    const points = curve.x.map((x, n) => ({ x, y: curve.y[n] }));
    new Chart(canvases[i], {
      type: "scatter",
      data: { datasets: [{ data: points, showLine: true, pointRadius: 0, borderColor: "#0072b2", borderWidth: 1.5 }] },
      options: {
        animation: false,
        maintainAspectRatio: false,
        plugins: { legend: { display: false } },
        scales: { x: { title: { display: true, text: "step" } } },
      },
    });
  });
}

function setUpLayers() {
  for (const place of document.querySelectorAll(".layers")) {
    const stacks = [...document.querySelectorAll(place.dataset.stacks)];
    const used = new Set(stacks.flatMap((stack) => [...stack.children].map((layer) => layer.dataset.layer)));
    const names = ["image", "redrawn", "map", "mask"].filter((name) => used.has(name));
    if (names.length > 1) {
      place.append(layerSlider(names, (position) => stacks.forEach((stack) => showLayers(stack, names, position))));
    }
  }
}

function setUpViewer() {
  const views = readData("views-data");
  const table = TABLES["image-table"];
  const images = new Map();
  for (const row of table.rows.filter((each) => views[each.dataset.image])) {
    images.set(row.dataset.image, { id: row.dataset.image, ...views[row.dataset.image], facts: factsOf(table, row) });
  }
  const viewer = new Viewer(() => {
    const ids = table.rows.filter((row) => table.matching.has(row)).map((row) => row.dataset.image);
    return ids.map((id) => images.get(id)).filter(Boolean);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-image]");
    if (button) viewer.open(images.get(button.dataset.image));
  });
}

// What the table says of an image, by the names of its columns, and the marks of the run.
function factsOf(table, row) {
  const facts = table.headers.map((header, column) => [header.textContent.trim(), row.cells[column].textContent.trim()]);
  facts.push(["marks", table.table.dataset.marks]);
  return facts.filter(([name, value]) => value && name !== "image" && name !== "id");
}

drawTraining();
setUpLayers();
setUpViewer();
