"use strict";
// The page of a data set: ROC and precision-recall curves, and a slider over thresholds.

const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00", "#56b4e9"];
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3]];
const DRAWN_AT_FIRST = 5;
const DATA = readData("curves-data");
const AXIS = { type: "linear", min: 0, max: 1, ticks: { stepSize: 0.2 } };
const byId = (id) => document.getElementById(id);

function colourOf(run) {
  return COLOURS[run % COLOURS.length];
}

function dashOf(run) {
  return DASHES[Math.floor(run / COLOURS.length) % DASHES.length];
}

function axis(text) {
  return { ...AXIS, title: { display: true, text } };
}

function makeChart(canvas, x, y) {
  return new Chart(canvas, {
    type: "scatter",
    data: { datasets: [] },
    options: {
      animation: false,
      maintainAspectRatio: false,
      clip: 8,
      scales: { x: axis(x), y: axis(y) },
      plugins: {
        legend: { display: false },
        tooltip: { callbacks: { label: (item) => tooltip(item, x, y) } },
      },
    },
  });
}

function tooltip(item, x, y) {
  const { x: across, y: up, threshold } = item.raw;
  const at = threshold === undefined ? "" : `, threshold ${shortNumber(threshold)}`;
  return `${item.dataset.label ?? ""}: ${x} ${across.toFixed(3)}, ${y} ${up.toFixed(3)}${at}`;
}

const ROC_POINT = (d) => ({ x: 1 - d.specificity, y: d.sensitivity, threshold: d.threshold });
const PR_POINT = (d) => ({ x: d.sensitivity, y: d.precision, threshold: d.threshold });

function line(run, data, more = {}) {
  const style = { borderColor: colourOf(run), borderDash: dashOf(run), borderWidth: 1.75, pointRadius: 0 };
  return { label: DATA.runs[run].name, data, showLine: true, pointHitRadius: 6, ...style, ...more };
}

function marker(run, point, pointStyle, radius) {
  const filled = pointStyle === "rectRot";
  return {
    label: DATA.runs[run].name,
    data: point.y === null ? [] : [point],
    pointStyle,
    pointRadius: radius,
    pointBackgroundColor: filled ? colourOf(run) : "transparent",
    pointBorderColor: filled ? "#ffffff" : "#111111",
    pointBorderWidth: filled ? 1 : 2,
  };
}

function guide(points) {
  return { data: points, showLine: true, pointRadius: 0, pointHitRadius: 0, borderColor: "#999999", borderWidth: 1, borderDash: [2, 4] };
}

class Curves {
  constructor() {
    this.roc = makeChart(byId("roc"), "false positive rate", "sensitivity");
    this.pr = makeChart(byId("pr"), "recall", "precision");
    this.fillSelects();
    this.checkboxes = [...document.querySelectorAll("input[data-run]")];
    this.pickFirst();
    for (const box of this.checkboxes) {
      const swatch = box.parentElement.querySelector(".swatch");
      swatch.style.borderTopColor = colourOf(Number(box.dataset.run));
      swatch.style.borderTopStyle = dashOf(Number(box.dataset.run)).length ? "dashed" : "solid";
      box.addEventListener("input", (event) => {
        event.stopPropagation();
        this.drawCurves();
      });
    }
    byId("kind").addEventListener("input", () => this.changed());
    byId("run").addEventListener("input", () => this.changed());
    byId("threshold").addEventListener("input", () => this.moved());
    byId("to-validation").addEventListener("click", () => this.toValidation());
    this.changed();
  }

  fillSelects() {
    const kinds = Object.keys(DATA.runs[0].kinds);
    const choices = DATA.pooled && kinds.length > 1 ? [["", "all together"]] : [];
    for (const [value, text] of [...choices, ...kinds.map((kind) => [kind, kind])]) byId("kind").append(new Option(text, value));
    DATA.runs.forEach((run, i) => byId("run").append(new Option(run.name, i)));
  }

  // The best few, so that the first look is not a tangle.
  pickFirst() {
    const best = DATA.runs.map((_, i) => i).sort((a, b) => DATA.runs[b].auroc - DATA.runs[a].auroc);
    for (const run of best.slice(0, DRAWN_AT_FIRST)) this.checkboxes.find((box) => Number(box.dataset.run) === run).checked = true;
    byId("run").value = best[0];
  }

  get chosen() {
    return Number(byId("run").value);
  }

  scoresOf(run) {
    return [DATA.runs[run].normal, anomalousScores(DATA.runs[run], byId("kind").value)];
  }

  changed() {
    const validation = DATA.runs[this.chosen].threshold;
    this.stops = thresholdStops(...this.scoresOf(this.chosen), validation);
    byId("threshold").max = this.stops.length - 1;
    const place = this.stops.indexOf(validation);
    byId("to-validation").disabled = place < 0;
    byId("validation-tick").hidden = place < 0;
    byId("validation-tick").style.setProperty("--share", place / (this.stops.length - 1));
    byId("threshold").value = place < 0 ? Math.floor(this.stops.length / 2) : place;
    byId("operating-marks").replaceChildren(...DATA.runs[this.chosen].marks.map(markOf));
    this.drawCurves();
  }

  toValidation() {
    byId("threshold").value = this.stops.indexOf(DATA.runs[this.chosen].threshold);
    this.moved();
  }

  drawCurves() {
    const runs = this.checkboxes.filter((box) => box.checked).map((box) => Number(box.dataset.run));
    const [normal, anomalous] = this.scoresOf(0);
    const share = anomalous.length / (normal.length + anomalous.length);
    this.rocLines = [guide([{ x: 0, y: 0 }, { x: 1, y: 1 }])];
    this.prLines = [guide([{ x: 0, y: share }, { x: 1, y: share }])];
    for (const run of runs) this.addRun(run);
    this.moved();
  }

  addRun(run) {
    const scores = this.scoresOf(run);
    const decisions = everyDecision(...scores);
    const called = decisions.slice(1).map(PR_POINT);
    this.rocLines.push(line(run, decisions.map(ROC_POINT)));
    // Nothing is interpolated between two thresholds: as average precision counts it.
    this.prLines.push(line(run, [{ ...called[0], x: 0 }, ...called], { stepped: "after" }));
    if (DATA.runs[run].threshold !== null) {
      const decision = decide(...scores, DATA.runs[run].threshold);
      this.rocLines.push(marker(run, ROC_POINT(decision), "rectRot", 7));
      this.prLines.push(marker(run, PR_POINT(decision), "rectRot", 7));
    }
  }

  moved() {
    const threshold = this.stops[byId("threshold").value];
    const scores = this.scoresOf(this.chosen);
    const decision = decide(...scores, threshold);
    this.redraw(this.roc, this.rocLines, marker(this.chosen, ROC_POINT(decision), "circle", 8));
    this.redraw(this.pr, this.prLines, marker(this.chosen, PR_POINT(decision), "circle", 8));
    const validation = DATA.runs[this.chosen].threshold;
    const rows = [row("chosen", decision, scores)];
    if (validation !== null) rows.push(row(validationName(this.chosen), decide(...scores, validation), scores));
    byId("decisions").tBodies[0].replaceChildren(...rows);
    const text = `${shortNumber(threshold)}: sensitivity ${decision.sensitivity.toFixed(3)}, specificity ${decision.specificity.toFixed(3)}`;
    byId("threshold").setAttribute("aria-valuetext", text);
  }

  // Markers first: what is drawn first lies on top.
  redraw(chart, lines, ring) {
    chart.data.datasets = [ring, ...[...lines].reverse()];
    chart.update("none");
  }
}

function validationName(run) {
  return `${Math.round(DATA.runs[run].quantile * 100)} % of normal validation images below`;
}

function row(name, decision, [normal, anomalous]) {
  const made = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = name;
  const shares = [decision.sensitivity, decision.specificity, decision.precision, decision.f1];
  const texts = [
    shortNumber(decision.threshold),
    ...shares.map((share) => (share === null ? "–" : share.toFixed(3))),
    `${decision.found} of ${anomalous.length}`,
    `${decision.falseAlarms} of ${normal.length}`,
  ];
  made.append(head, ...texts.map(numberCell));
  return made;
}

function numberCell(text) {
  const cell = document.createElement("td");
  cell.className = "number";
  cell.textContent = text;
  return cell;
}

function markOf(word) {
  const mark = document.createElement("span");
  mark.className = "mark";
  mark.textContent = word;
  return mark;
}

function shortNumber(value) {
  return value === Infinity ? "above every score" : Number(value.toPrecision(5)).toString();
}

new Curves();
