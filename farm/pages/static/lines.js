// Lines over time or another figure, drawn by uPlot: intervals, bands, marks, and what the cursor points at.
"use strict";

farmCharts.lines = (plot, spec) => {
  const { color, paint, faint, figures } = farmCharts;
  const lines = spec.lines || [];
  const axes = spec.y || [{}];
  const time = spec.kind === "time";
  const names = spec.x?.categories;

  // Every line brings its own x; uPlot wants one for all.
  const tables = lines.map((line) => [line.x, line.y, ...(line.low?.length ? [line.low, line.high] : [])]);
  const data = tables.length ? uPlot.join(tables) : [[], []];
  const texts = lines.map((line) => new Map((line.texts || []).map((text, i) => [line.x[i], text])));

  const series = [{}];
  const bands = [];
  const index = []; // of each line among the series
  lines.forEach((line, i) => {
    const ink = paint(line.tone, i);
    const scale = line.axis ? "y2" : "y";
    index.push(series.length);
    series.push({
      label: line.name,
      scale,
      stroke: ink,
      width: 1.5,
      spanGaps: false,
      points: { show: line.shape === "points" || line.x.length < 60, size: 5, fill: ink },
      ...(line.shape === "points" ? { paths: () => null } : {}),
      ...(line.shape === "steps" ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
    });
    if (line.low?.length) {
      const edge = { scale, stroke: "transparent", width: 0, points: { show: false } };
      series.push({ ...edge }, { ...edge });
      bands.push({ series: [series.length - 1, series.length - 2], fill: faint(ink, 0.15) });
    }
  });

  function range(axis) {
    return (_, least, most) => {
      if (least === null) return [0, 1];
      const { low, high } = axis;
      if (axis.scale === "log") return uPlot.rangeLog(low ?? least, high ?? most, 10, true);
      const [from, to] = uPlot.rangeNum(low ?? least, high ?? most, 0.1, true);
      return [low ?? from, high ?? to];
    };
  }

  function overlay(u) {
    const pen = u.ctx;
    const { left, top, width, height } = u.bbox;
    pen.save();
    pen.beginPath();
    pen.rect(left, top, width, height);
    pen.clip();
    for (const band of spec.bands || []) {
      const tone = paint(band.tone ?? "muted");
      pen.fillStyle = faint(tone, 0.1);
      const scale = band.axis === "x" ? "x" : "y";
      const from = band.low === undefined ? u.scales[scale].min : band.low;
      const to = band.high === undefined ? u.scales[scale].max : band.high;
      const [a, b] = [u.valToPos(from, scale, true), u.valToPos(to, scale, true)];
      if (scale === "x") pen.fillRect(a, top, b - a, height);
      else pen.fillRect(left, b, width, a - b);
    }
    pen.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    pen.textAlign = "left"; // uPlot leaves that of the axis it drew last
    pen.textBaseline = "alphabetic";
    const em = devicePixelRatio;
    const marked = []; // their names, above all of them
    const ends = Array(Math.max(1, Math.floor(height / em / 24))).fill(left); // of the last name in each row of the upper half
    (spec.marks || []).forEach((mark) => {
      const ink = paint(mark.tone ?? "muted");
      const scale = mark.axis === "y" ? "y" : "x";
      const at = Math.round(u.valToPos(mark.at, scale, true));
      pen.strokeStyle = pen.fillStyle = ink;
      pen.setLineDash((mark.dotted ? [1, 3] : [4, 3]).map((length) => length * em));
      pen.beginPath();
      if (scale === "x") {
        pen.moveTo(at, top);
        pen.lineTo(at, top + height);
        const name = mark.name.slice(0, 60);
        const wide = pen.measureText(name).width;
        const from = at + 3 * em + wide <= left + width ? at + 3 * em : Math.max(left, at - 3 * em - wide);
        const row = ends.findIndex((end) => end <= from);
        if (row >= 0 && at >= left && at <= left + width) { // without room it has no name here, but one in the page's text
          ends[row] = from + wide + 8 * em;
          marked.push({ name, ink, x: from, y: top + (11 + 12 * row) * em });
        }
      } else {
        pen.moveTo(left, at);
        pen.lineTo(left + width, at);
        pen.fillText(mark.name.slice(0, 60), left + 4 * devicePixelRatio, at - 3 * devicePixelRatio);
      }
      pen.stroke();
    });
    pen.setLineDash([]);
    pen.lineWidth = 3 * em;
    pen.strokeStyle = faint(color("ground"), 0.8);
    for (const { name, ink, x, y } of marked) {
      pen.strokeText(name, x, y);
      pen.fillStyle = ink;
      pen.fillText(name, x, y);
    }
    pen.restore();
  }

  const legend = document.createElement("div");
  legend.className = "legend";
  const items = lines.length <= 12 ? lines.map((line, i) => {
    const item = document.createElement("span");
    const swatch = document.createElement("span");
    swatch.textContent = "\u25A0 ";
    swatch.style.color = paint(line.tone, i);
    const words = document.createElement("span");
    item.append(swatch, words);
    legend.append(item);
    return words;
  }) : [];
  const moment = document.createElement("span");
  legend.prepend(moment);

  function point(at) {
    const x = data[0][at];
    moment.textContent = at === null || at === undefined ? "" : time ? told(new Date(1000 * x)) : names?.[x] ?? figures(x);
    items.forEach((words, i) => {
      const value = at === null || at === undefined ? null : data[index[i]][at];
      const unit = axes[lines[i].axis || 0]?.unit || "";
      const text = texts[i].get(x);
      const shown = value === null || value === undefined ? "" : `: ${figures(value)}${unit ? ` ${unit}` : ""}${text ? ` ${text.slice(0, 80)}` : ""}`;
      words.textContent = lines[i].name.slice(0, 60) + shown;
    });
  }

  const ink = { stroke: color("quiet"), grid: { stroke: color("line"), width: 1 }, ticks: { stroke: color("line"), width: 1 }, font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif", labelSize: 18 };
  const two = (n) => String(n).padStart(2, "0");
  const day = (d) => `${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  const clock = (d) => `${two(d.getHours())}:${two(d.getMinutes())}`;
  const told = (d) => `${d.getFullYear()}-${day(d)} ${clock(d)}`;

  /** Moments as the page's text has them; the year where a new one begins. */
  function moments(_, splits, axis, space, step) {
    return splits.map((at, i) => {
      const d = new Date(1000 * at);
      if (step < 60) return `${clock(d)}:${two(d.getSeconds())}`;
      if (step < 86400) return clock(d) === "00:00" ? day(d) : clock(d);
      const before = i ? new Date(1000 * splits[i - 1]) : null;
      return before && before.getFullYear() !== d.getFullYear() ? `${d.getFullYear()}-${day(d)}` : day(d);
    });
  }

  const label = (axis) => (axis.unit ? `${axis.name || ""} [${axis.unit}]`.trim() : axis.name || "");
  const ticks = { values: (_, splits) => splits.map((value) => figures(value)) };
  // Charts of one group begin and end alike, whatever figures each has.
  const whole = (u, from, to) => (data[0].length < 2 || (from === data[0][0] && to === data[0].at(-1)) ? [spec.x?.low ?? from, spec.x?.high ?? to] : [from, to]);
  // A single moment has its day around it, not years.
  const around = (u, from, to) => (data[0].length === 1 ? [data[0][0] - 43200, data[0][0] + 43200] : [from, to]);
  const decades = (_, splits) => splits.map((v) => (Number.isInteger(Math.round(1e9 * Math.log10(v)) / 1e9) ? v : null));
  const gridOf = (of) => (of?.scale === "log" ? { grid: { ...ink.grid, filter: decades }, ticks: { ...ink.ticks, filter: decades } } : {});
  const places = { space: 110, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000], values: (_, splits) => splits.map((i) => short(names[i] ?? "")) };
  const short = (name) => (name.length > 16 ? `${name.slice(0, 15)}\u2026` : name);
  const scales = { x: { time, range: time ? around : whole }, y: { range: range(axes[0]), distr: axes[0].scale === "log" ? 3 : 1 } };
  if (axes[1]) scales.y2 = { range: range(axes[1]), distr: axes[1].scale === "log" ? 3 : 1 };
  plot.append(legend);
  point(null);
  const above = Math.min(plot.clientHeight / 2, Math.max(legend.offsetHeight, lines.length > 1 || time ? 20 : 14));
  const size = () => ({ width: plot.clientWidth, height: plot.clientHeight - above });

  const u = new uPlot({
    ...size(),
    series,
    bands,
    scales,
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, ...(spec.group ? { sync: { key: spec.group, scales: ["x", null] } } : {}) },
    axes: [
      { ...ink, size: 30, ...(label(spec.x || {}) ? { label: label(spec.x), size: 30 } : {}), ...(names ? places : time ? { values: moments } : ticks) },
      { ...ink, ...ticks, ...gridOf(axes[0]), size: 60, label: label(axes[0]) || undefined },
      ...(axes[1] ? [{ ...ink, ...ticks, size: 60, side: 1, scale: "y2", grid: { show: false }, label: label(axes[1]) || undefined }] : []),
    ],
    hooks: { drawAxes: [overlay], setCursor: [(self) => point(self.cursor.idx)] },
  }, data, plot);
  u.root.style.marginTop = `${above}px`;

  const sized = new ResizeObserver(() => plot.clientWidth && u.setSize(size()));
  sized.observe(plot);
  return { end: () => (sized.disconnect(), u.destroy()) };
};
