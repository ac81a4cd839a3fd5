// One rater's way through the quiz. What was judged is kept in the browser, so a reload goes on where it stopped.
"use strict";

(() => {
  const quiz = JSON.parse(document.getElementById("quiz").textContent);
  const place = `bench-turing-${quiz.id}`;
  const part = (name) => document.querySelector(`[data-part="${name}"]`);
  const all = (name) => Array.from(document.querySelectorAll(`[data-${name}]`));
  let state = stored() || { rater: "", verdicts: [] };
  let chosen = null, shownAt = null, opened = null;

  // ------------------------------------------------------------------------------------- memory

  function stored() {
    try {
      const found = JSON.parse(localStorage.getItem(place));
      const fits = found && found.rater && found.verdicts.every((each, i) => each.image === quiz.images[i].id);
      return fits ? found : null;
    } catch {
      return null;
    }
  }

  function keep() {
    try {
      localStorage.setItem(place, JSON.stringify(state));
    } catch {
      part("memory").hidden = false;
    }
  }

  function forget() {
    try { localStorage.removeItem(place); } catch { /* nothing was kept */ }
    state = { rater: "", verdicts: [] };
    opened = null;
    part("rater").value = "";
    show("start");
    part("rater").focus();
  }

  // ------------------------------------------------------------------------------------ screens

  function show(name) {
    document.querySelectorAll("[data-screen]").forEach((screen) => { screen.hidden = screen.dataset.screen !== name; });
  }

  function begin(event) {
    event.preventDefault();
    const name = part("rater").value.trim();
    if (!name) return;
    state = { rater: name, verdicts: [] };
    keep();
    goOn();
  }

  function goOn() {
    if (!state.rater) show("start");
    else if (state.verdicts.length === quiz.images.length) finish();
    else ask();
  }

  function ask() {
    const done = state.verdicts.length;
    show("trial");
    part("who").textContent = state.rater;
    part("count").textContent = `Image ${done + 1} of ${quiz.images.length}`;
    part("progress").value = done;
    part("progress").max = quiz.images.length;
    part("stop").disabled = done === 0;
    choose(null);
    showImage(quiz.images[done].png);
    part("count").focus({ preventScroll: true });
  }

  function showImage(uri) {
    const image = part("image");
    shownAt = null;
    image.alt = `Image ${state.verdicts.length + 1}`;
    image.src = uri;
    image.decode().then(() => { fit(); shownAt = performance.now(); });
  }

  // Whole screen pixels for each pixel of the image, as many as there is room for.
  function fit() {
    const image = part("image"), side = image.naturalWidth;
    if (!side) return;
    const room = Math.min(image.parentElement.clientWidth, 448);
    image.style.width = `${side <= room ? side * Math.floor(room / side) : room}px`;
  }

  // ----------------------------------------------------------------------------------- verdicts

  function choose(verdict) {
    chosen = verdict;
    all("verdict").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.verdict === verdict)));
    all("confidence").forEach((button) => { button.disabled = verdict === null; });
    part("hint").textContent = verdict ? "How sure are you?" : "Real or generated?";
  }

  function judge(confidence) {
    if (!chosen || shownAt === null) return;
    const seconds = Math.round(performance.now() - shownAt) / 1000;
    state.verdicts.push({ image: quiz.images[state.verdicts.length].id, verdict: chosen, confidence, seconds });
    keep();
    goOn();
  }

  function onKey(event) {
    const typing = event.target instanceof HTMLInputElement;
    if (part("trial").hidden || typing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    const button = document.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
    if (!button || button.disabled) return;
    event.preventDefault();
    button.click();
  }

  // ---------------------------------------------------------------------------------------- end

  async function finish() {
    show("opening");
    try {
      const advance = (share) => { part("opening").value = share; };
      opened = await Seal.open(quiz.sealed, quiz.id, quiz.rounds, advance);
    } catch (error) {
      part("broken").textContent = error.message;
      return;
    }
    const verdicts = withTruth();
    tell(Figures.of(verdicts));
    show("end");
    part("result").focus();
  }

  const withTruth = () => state.verdicts.map((each, i) => ({ ...each, truth: opened[i] ? "generated" : "real" }));
  const percent = (share) => `${(100 * share).toFixed(1)} %`;

  function tell(found) {
    part("named").textContent = state.rater;
    part("sentence").textContent = sentence(found);
    for (const name of ["accuracy", "real", "generated"]) {
      const { correct, n, share, interval } = found[name];
      const cells = [`${correct} of ${n}`, percent(share), `${percent(interval[0]).slice(0, -2)} to ${percent(interval[1])}`];
      part(name).querySelectorAll("td").forEach((cell, i) => { cell.textContent = cells[i]; });
    }
    part("p").textContent = found.p < 0.0001 ? "below 0.0001" : found.p.toFixed(4);
    part("confidence").textContent = `${found.confidence.toFixed(2)} of 3`;
    part("seconds").textContent = `${found.seconds.toFixed(1)} s per image`;
  }

  function sentence({ accuracy, p }) {
    if (p >= 0.05) return "Guessing would do as well often enough. That is no proof that the images are alike: see how wide the interval is.";
    if (accuracy.share > 0.5) return "You told them apart better than guessing would.";
    return "You saw a difference, but took one kind for the other.";
  }

  function save() {
    const file = {
      format: "bench turing verdicts 1", quiz: quiz.id, title: quiz.title, rater: state.rater,
      images: quiz.images.map((image) => image.id), sealed: quiz.sealed, verdicts: opened ? withTruth() : state.verdicts,
    };
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(file, null, 1)], { type: "application/json" }));
    link.download = `turing-${quiz.id}-${state.rater.replace(/[^\p{L}\p{N}]+/gu, "-")}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    part("next").disabled = false;
  }

  part("form").addEventListener("submit", begin);
  part("stop").addEventListener("click", save);
  part("save").addEventListener("click", save);
  part("next").addEventListener("click", forget);
  all("verdict").forEach((button) => button.addEventListener("click", () => choose(button.dataset.verdict)));
  all("confidence").forEach((button) => button.addEventListener("click", () => judge(Number(button.dataset.confidence))));
  document.addEventListener("keydown", onKey);
  window.addEventListener("resize", fit);
  goOn();
})();
