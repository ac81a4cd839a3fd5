"use strict";
// Two runs image by image: a scatter of ranks and a table of them. A is named in the address: compare.html#a=<run>.

const COMPARED = readData("comparison-data");
const SELECTS = [document.getElementById("run-a"), document.getElementById("run-b")];
const NORMAL_COLOUR = "#0072b2";
const ANOMALOUS_COLOUR = "#d55e00";
const WITH_PICTURES = document.querySelector("#rank-table thead th").textContent === "image";

class Comparison {
  constructor() {
    for (const select of SELECTS) {
      COMPARED.runs.forEach((run, i) => select.append(new Option(run.name, i)));
      select.addEventListener("input", () => this.draw());
    }
    const named = COMPARED.runs.findIndex((run) => location.hash === `#a=${run.slug}`);
    SELECTS[0].value = Math.max(0, named);
    SELECTS[1].value = SELECTS[0].value === "0" ? 1 : 0;
    for (const kind of new Set(COMPARED.images.map((image) => image.kind))) {
      document.getElementById("kinds").append(new Option(kind, kind));
    }
    this.table = TABLES["rank-table"];
    this.viewer = new Viewer(() => this.table.rows.filter((row) => this.table.matching.has(row)).map((row) => row.image));
    this.chart = this.makeChart();
    this.draw();
  }

  makeChart() {
    const scale = (text) => ({ title: { display: true, text }, min: 0, max: COMPARED.images.length + 1 });
    return new Chart(document.getElementById("ranks"), {
      type: "scatter",
      data: { datasets: [] },
      options: {
        animation: false,
        maintainAspectRatio: false,
        scales: { x: scale("rank under A"), y: scale("rank under B") },
        plugins: { legend: { labels: { usePointStyle: true } }, tooltip: { callbacks: { label: (item) => `${item.raw.image?.id}: ${item.raw.x} and ${item.raw.y}` } } },
        onClick: (event, items) => items[0]?.element && this.openPoint(items[0]),
      },
    });
  }

  openPoint({ datasetIndex, index }) {
    const { image } = this.chart.data.datasets[datasetIndex].data[index];
    if (image) this.viewer.open(image);
  }

  draw() {
    const [a, b] = SELECTS.map((select) => COMPARED.runs[select.value]);
    const images = COMPARED.images.map((image, i) => viewed(image, i, a, b));
    const points = (normal) => images.filter((image) => image.normal === normal).map((image) => ({ x: image.a, y: image.b, image }));
    const end = images.length + 1;
    this.chart.data.datasets = [
      { label: "anomalous", data: points(false), backgroundColor: ANOMALOUS_COLOUR, pointRadius: 3 },
      { label: "normal", data: points(true), backgroundColor: NORMAL_COLOUR, pointStyle: "rect", pointRadius: 3 },
      { label: "the same rank", pointStyle: "line", data: [{ x: 0, y: 0 }, { x: end, y: end }], showLine: true, pointRadius: 0, pointHitRadius: 0, borderColor: "#555555", borderWidth: 1, order: -1 },
    ];
    this.chart.update("none");
    this.table.replaceRows(images.map((image) => this.row(image)));
    document.getElementById("about-runs").replaceChildren(...about("A", a), element("br"), ...about("B", b));
  }

  row(image) {
    const row = element("tr");
    row.image = image;
    row.dataset.kind = image.kind;
    const numbers = [image.a, image.b, Math.abs(image.a - image.b)].map((value) => element("td", "number", String(value)));
    const words = image.says.map((text) => element("td", text.replace(" ", "-"), text));
    row.append(...(WITH_PICTURES ? [this.pictureCell(image)] : []), element("td", "", image.kind), ...numbers, ...words, element("td", "id", image.id));
    return row;
  }

  pictureCell(image) {
    const cell = element("td");
    if (!image.aspect) return element("td", "", "–");
    const button = element("button", "thumb");
    button.type = "button";
    button.setAttribute("aria-label", `Open ${image.id}`);
    button.addEventListener("click", () => this.viewer.open(image));
    const picture = element("img");
    Object.assign(picture, { loading: "lazy", src: image.layers[0][1], alt: "" });
    button.append(picture);
    cell.append(button);
    return cell;
  }
}

// An image with its layers and facts under both runs, for the viewer.
function viewed(image, i, a, b) {
  const maps = [["map of A", a.maps[i]], ["map of B", b.maps[i]]].filter(([, file]) => file);
  const [base, ...mask] = image.layers;
  const facts = [["kind", `${image.kind} (${image.normal ? "normal" : "anomalous"})`]];
  for (const [name, run] of [["A", a], ["B", b]]) {
    const marks = run.marks.length ? ` (${run.marks.join(", ")})` : "";
    facts.push([`under ${name}${marks}`, `rank ${run.ranks[i]}, score ${run.scores[i].toPrecision(6)}, ${run.verdicts[i]}`]);
  }
  const layers = base ? [base, ...maps, ...mask] : maps;
  return { ...image, a: a.ranks[i], b: b.ranks[i], says: [a.verdicts[i], b.verdicts[i]], layers, facts };
}

function about(letter, run) {
  const link = element("a", "", run.name);
  link.href = run.page;
  return [`${letter}: `, link, ...run.marks.map((word) => element("span", "mark", word))];
}

new Comparison();
