(function () {
  "use strict";
  const root = document.documentElement;
  const columns = JSON.parse(document.getElementById("metrics").textContent);
  const drawn = [];
  const view = {log: false, from: null, to: null};

  function colour(name) {
    return getComputedStyle(root).getPropertyValue("--" + name).trim();
  }

  function number(digits) {
    return (chart, value) => (value == null ? "–" : value.toPrecision(digits));
  }

  function axis(more) {
    const grid = {stroke: colour("grid"), width: 1};
    return Object.assign({stroke: colour("muted"), grid: grid, ticks: grid}, more);
  }

  /** A little more than the data; uPlot's own range of a logarithmic scale is whole decades. */
  function logRange(chart, least, most) {
    return least == null ? [1, 10] : [least / 1.05, most * 1.05];
  }

  /** 1, 2 and 5 times the powers of 10; these alone where they are many, round steps where few. */
  function logSplits(chart, index, least, most) {
    const digits = most / least > 300 ? [1] : [1, 2, 5];
    const splits = [];
    for (let power = Math.floor(Math.log10(least)); power <= Math.log10(most); power++) {
      splits.push(...digits.map((digit) => Number(digit + "e" + power)));
    }
    const inside = splits.filter((split) => split >= least && split <= most);
    return inside.length > 1 ? inside : roundSplits(least, most);
  }

  function roundSplits(least, most) {
    const power = Math.pow(10, Math.floor(Math.log10((most - least) / 2)));
    const step = [5, 2, 1].map((digit) => digit * power).find((size) => (most - least) / size >= 2);
    const splits = [];
    for (let i = Math.ceil(least / step); i * step <= most; i++) {
      splits.push(Number((i * step).toPrecision(12)));
    }
    return splits;
  }

  function abbreviated(number) {
    return number < 1e4 ? String(number) : number < 1e6 ? number / 1e3 + "k" : number / 1e6 + "M";
  }

  /** An axis of a logarithmic scale. */
  function logAxis(more) {
    const plain = {
      splits: logSplits,
      filter: (chart, splits) => splits,
      values: (chart, splits) => splits.map(abbreviated),
    };
    return axis(Object.assign(plain, more));
  }

  /** A logarithm has no place for 0. */
  function shown(column, log) {
    return log ? column.map((value) => (value > 0 ? value : null)) : column;
  }

  const lossChart = {
    element: "loss-chart",
    height: 380,
    padding: [null, 72, null, null], // as wide as the other chart's right axis: steps are in line
    data: () => ["loss", "mean", "validation", "bigram"].map((name) => shown(columns[name], view.log)),
    options: () => ({
      scales: {x: {time: false}, y: view.log ? {distr: 3, range: logRange} : {}},
      axes: [
        axis({label: "step", labelSize: 22, size: 34}),
        (view.log ? logAxis : axis)({label: "loss, nats", labelSize: 22, size: 56}),
      ],
      series: [
        {label: "step"},
        {label: "minibatch", stroke: colour("series-0") + "55", width: 1, value: number(4)},
        {label: "running mean", stroke: colour("series-0"), width: 2, value: number(4)},
        {
          label: "validation",
          stroke: colour("series-1"),
          width: 2,
          spanGaps: true,
          points: {show: true, size: 6},
          value: number(4),
        },
        {label: "bigram baseline", stroke: colour("muted"), width: 1.5, dash: [6, 4], value: number(4)},
      ],
    }),
  };

  const paceChart = {
    element: "pace-chart",
    height: 210,
    padding: [null, null, null, null],
    data: () => [shown(columns.rate, true), shown(columns.time, true)],
    options: () => ({
      scales: {x: {time: false}, rate: {distr: 3, range: logRange}, time: {distr: 3, range: logRange}},
      axes: [
        axis({label: "step", labelSize: 22, size: 34}),
        logAxis({scale: "rate", label: "learning rate", labelSize: 22, size: 56}),
        logAxis({scale: "time", label: "µs a step", labelSize: 22, size: 50, side: 1, grid: {show: false}}),
      ],
      series: [
        {label: "step"},
        {label: "learning rate", scale: "rate", stroke: colour("series-2"), width: 2, value: number(3)},
        {label: "µs a step", scale: "time", stroke: colour("series-3"), width: 1, value: number(4)},
      ],
    }),
  };

  function draw(chart) {
    const element = document.getElementById(chart.element);
    element.replaceChildren();
    const options = Object.assign(chart.options(), {
      width: element.clientWidth,
      height: chart.height,
      padding: chart.padding,
      cursor: {sync: {key: "steps", scales: ["x", null]}},
      hooks: {setScale: [(plot, scale) => scale === "x" && follow(plot)]},
    });
    const plot = new uPlot(options, [columns.step, ...chart.data()], element);
    if (view.from != null) {
      plot.setScale("x", {min: view.from, max: view.to});
    }
    return plot;
  }

  /** Zooms the other chart to what one shows. */
  function follow(plot) {
    const {min, max} = plot.scales.x;
    if (min == null || (min === view.from && max === view.to)) {
      return;
    }
    view.from = min;
    view.to = max;
    drawn.filter((other) => other !== plot).forEach((other) => other.setScale("x", {min: min, max: max}));
  }

  function drawAll() {
    drawn.splice(0).forEach((plot) => plot.destroy());
    drawn.push(draw(lossChart), draw(paceChart));
  }

  function showLast(part) {
    const last = columns.step[columns.step.length - 1];
    const first = columns.step[0];
    drawn[0].setScale("x", {min: last - (last - first) * part, max: last});
  }

  document.querySelectorAll("button[data-last]").forEach((button) => {
    button.addEventListener("click", () => showLast(Number(button.dataset.last)));
  });
  document.getElementById("log").addEventListener("click", (event) => {
    view.log = !view.log;
    event.currentTarget.setAttribute("aria-pressed", String(view.log));
    drawAll();
  });
  if (columns.step.length > 0) {
    drawAll();
    window.addEventListener("resize", drawAll);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  }
  root.dataset.charts = String(drawn.length);
})();
