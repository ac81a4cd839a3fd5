// The figures of the last screen. bench/turing/scoring.py computes the same from the saved file, with SciPy.
"use strict";

const Figures = (() => {
  const Z = 1.959963984540054; // the normal quantile of a 95 % interval

  // Wilson's score interval.
  function wilson(k, n) {
    const share = k / n, z2 = Z * Z;
    const centre = (share + z2 / (2 * n)) / (1 + z2 / n);
    const margin = (Z / (1 + z2 / n)) * Math.sqrt((share * (1 - share)) / n + z2 / (4 * n * n));
    return [Math.max(0, centre - margin), Math.min(1, centre + margin)];
  }

  // Exact two-sided binomial test against one half, whose two tails are alike.
  function binomialP(k, n) {
    let logTerm = -n * Math.LN2, tail = 0;
    for (let i = 0; i <= Math.min(k, n - k); i++) {
      tail += Math.exp(logTerm);
      logTerm += Math.log((n - i) / (i + 1));
    }
    return Math.min(1, 2 * tail);
  }

  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

  function shareOf(verdicts) {
    const correct = verdicts.filter((each) => each.verdict === each.truth).length;
    return { correct, n: verdicts.length, share: correct / verdicts.length, interval: wilson(correct, verdicts.length) };
  }

  // Of verdicts {verdict, truth, confidence, seconds}.
  function of(verdicts) {
    const accuracy = shareOf(verdicts);
    return {
      accuracy,
      p: binomialP(accuracy.correct, accuracy.n),
      real: shareOf(verdicts.filter((each) => each.truth === "real")),
      generated: shareOf(verdicts.filter((each) => each.truth === "generated")),
      confidence: mean(verdicts.map((each) => each.confidence)),
      seconds: mean(verdicts.map((each) => each.seconds)),
    };
  }

  return { of };
})();
