"use strict";
// Counting at a threshold: an image whose score is at or above it is called anomalous. No drawing here.

// How many of ascending `scores` are at or above `threshold`.
function countAtOrAbove(scores, threshold) {
  let low = 0;
  let high = scores.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (scores[middle] < threshold) low = middle + 1;
    else high = middle;
  }
  return scores.length - low;
}

// Anomalous scores of one kind, or of all where `kind` is empty; ascending.
function anomalousScores(run, kind) {
  if (kind) return run.kinds[kind];
  return Object.values(run.kinds).flat().sort((a, b) => a - b);
}

// The definitions of bench.metrics.ranking.operating_point.
function decide(normal, anomalous, threshold) {
  const found = countAtOrAbove(anomalous, threshold);
  const falseAlarms = countAtOrAbove(normal, threshold);
  const called = found + falseAlarms;
  return {
    threshold,
    found,
    falseAlarms,
    sensitivity: found / anomalous.length,
    specificity: 1 - falseAlarms / normal.length,
    precision: called ? found / called : null,
    f1: (2 * found) / (called + anomalous.length),
  };
}

// Every distinct score, ascending, with the validation threshold among them and one that calls no image anomalous.
function thresholdStops(normal, anomalous, validation) {
  const values = new Set([...normal, ...anomalous, ...(validation === null ? [] : [validation])]);
  return [...[...values].sort((a, b) => a - b), Infinity];
}

// Decisions at every distinct score, from none called to all called.
function everyDecision(normal, anomalous) {
  return thresholdStops(normal, anomalous, null)
    .reverse()
    .map((threshold) => decide(normal, anomalous, threshold));
}
