"use strict";
// Tables that sort by a column, filter by select and search, and show their first rows first.

class SortableTable {
  constructor(table) {
    this.table = table;
    this.page = Number(table.dataset.page) || Infinity;
    this.form = document.querySelector(`form[data-table~="${table.id}"]`);
    this.more = this.moreButton();
    this.rows = [...table.tBodies[0].rows];
    this.headers = [...table.tHead.rows[0].cells];
    for (const header of this.headers.filter((cell) => cell.dataset.sort)) {
      header.querySelector("button").addEventListener("click", () => this.sort(header));
    }
    this.form?.addEventListener("input", () => this.filter());
    this.form?.addEventListener("submit", (event) => event.preventDefault());
    this.filter();
  }

  moreButton() {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "more";
    button.addEventListener("click", () => {
      this.limit += this.page;
      this.show();
    });
    this.table.parentElement.after(button);
    return button;
  }

  // The same table with other rows, in the order they come.
  replaceRows(rows) {
    this.rows = rows;
    this.table.tBodies[0].replaceChildren(...rows);
    const sorted = this.headers.find((header) => header.dataset.sort && header.getAttribute("aria-sort") !== "none");
    if (sorted) this.order(sorted, sorted.getAttribute("aria-sort"));
    this.filter();
  }

  sort(header) {
    const first = header.dataset.sort === "number" ? "descending" : "ascending";
    const second = first === "ascending" ? "descending" : "ascending";
    const direction = header.getAttribute("aria-sort") === first ? second : first;
    for (const other of this.headers) {
      if (other.dataset.sort) other.setAttribute("aria-sort", other === header ? direction : "none");
    }
    this.order(header, direction);
    this.show();
  }

  order(header, direction) {
    const column = this.headers.indexOf(header);
    const numeric = header.dataset.sort === "number";
    const sign = direction === "ascending" ? 1 : -1;
    const keyed = this.rows.map((row) => [cellKey(row.cells[column], numeric), row]);
    keyed.sort(([a], [b]) => compareKeys(a, b, sign));
    this.rows = keyed.map(([, row]) => row);
    this.table.tBodies[0].append(...this.rows);
  }

  filter() {
    const wanted = this.form ? [...new FormData(this.form)].filter(([, value]) => value) : [];
    this.matching = new Set(this.rows.filter((row) => wanted.every(([name, value]) => matches(row, name, value))));
    this.limit = this.page;
    this.show();
  }

  show() {
    let shown = 0;
    for (const row of this.rows) {
      row.hidden = !this.matching.has(row) || ++shown > this.limit;
    }
    const left = this.matching.size - Math.min(this.limit, this.matching.size);
    this.more.hidden = left === 0;
    this.more.textContent = `Show ${Math.min(left, this.page)} more of ${left}`;
    const board = this.table.closest(".board");
    if (board) board.hidden = this.matching.size === 0;
    const output = document.querySelector(`output[data-count="${this.table.id}"]`);
    if (output) output.textContent = `${this.matching.size} of ${this.rows.length} rows`;
  }
}

function cellKey(cell, numeric) {
  const text = cell.dataset.value ?? cell.textContent.trim();
  if (!numeric) return text.toLowerCase();
  const number = Number.parseFloat(text);
  return Number.isNaN(number) ? null : number;
}

// What has no number comes last in either direction.
function compareKeys(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  return a < b ? -sign : a > b ? sign : 0;
}

function matches(row, name, value) {
  if (name === "text") return row.textContent.toLowerCase().includes(value.toLowerCase());
  return row.dataset[name] === value;
}

function readData(id) {
  const element = document.getElementById(id);
  return element && JSON.parse(element.textContent);
}

const TABLES = {};
for (const table of document.querySelectorAll("table.sortable")) TABLES[table.id] = new SortableTable(table);
