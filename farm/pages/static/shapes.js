// Bars, points, heatmaps and graphs, drawn by ECharts. Its tooltips are text on the canvas: names in them are never HTML.
"use strict";

farmCharts.shapes = (plot, spec) => {
  const { color, paint, figures } = farmCharts;
  const lines = spec.lines || [];
  const [x, y] = [spec.x || {}, spec.y?.[0] || {}];
  const text = color("text");
  const quiet = color("quiet");
  const short = (word) => (String(word).length > 60 ? `${String(word).slice(0, 59)}\u2026` : String(word));
  const log = y.scale === "log";
  const value = (v) => (v === undefined || v === null ? null : v);
  const wide = Boolean(y.categories?.length);
  const left = () => (wide ? Math.min(184, Math.round(0.34 * plot.clientWidth)) : 64); // names leave the figures their room

  function axis(of, horizontal) {
    const common = {
      name: of.unit ? `${of.name || ""} [${of.unit}]`.trim() : of.name || "",
      nameLocation: "middle",
      nameGap: horizontal ? 28 : 46,
      nameTextStyle: { color: quiet },
      axisLine: { lineStyle: { color: color("line") } },
      axisTick: { lineStyle: { color: color("line") } },
      splitLine: { lineStyle: { color: color("line") } },
      axisLabel: { color: quiet, hideOverlap: true },
    };
    if (of.categories?.length) {
      const label = { ...common.axisLabel, width: horizontal ? 90 : left() - 14, overflow: "truncate", ellipsis: "\u2026" };
      return { ...common, type: "category", data: of.categories.map(String), axisLabel: label, splitLine: { show: false }, name: horizontal ? common.name : "" };
    }
    return {
      ...common,
      type: of.scale === "log" ? "log" : "value",
      min: value(of.low) ?? undefined,
      max: value(of.high) ?? undefined,
      scale: spec.kind !== "bar",
      axisLabel: { ...common.axisLabel, formatter: figures },
    };
  }

  const inks = ["scale-0", "scale-1", "scale-2"].map((name) => color(name));

  function scaleOf(values, dimension) {
    const known = values.filter((v) => v !== null && v !== undefined && (!log || v > 0)).map((v) => (log ? Math.log10(v) : v));
    const end = (given, found) => (given === undefined || given === null ? found : log ? Math.log10(given) : given);
    const [least, most] = [end(y.low, Math.min(...known)), end(y.high, Math.max(...known))];
    if (!known.length) return undefined;
    return {
      type: "continuous", dimension, min: least, max: most > least ? most : least + 1, calculable: false, right: 0, top: "middle",
      itemWidth: 12, itemHeight: 90, precision: 3, textStyle: { color: quiet }, inRange: { color: inks },
      text: [log ? figures(10 ** most) : figures(most), log ? figures(10 ** least) : figures(least)],
    };
  }

  /** Between the colors of the scale: 0 is its low end, 1 its high one. */
  function mixed(share) {
    const at = Math.min(1, Math.max(0, share)) * (inks.length - 1);
    const [from, to] = [Math.floor(at), Math.ceil(at)].map((i) => inks[i].match(/[\d.]+/g).map(Number));
    return `rgb(${[0, 1, 2].map((i) => Math.round(from[i] + (to[i] - from[i]) * (at - Math.floor(at)))).join(",")})`;
  }

  const shade = (v) => (v === null || v === undefined || (log && v <= 0) ? null : log ? Math.log10(v) : v);
  const unit = y.unit ? ` ${y.unit}` : "";
  const named = (of, i) => of.categories?.[i] ?? figures(i);
  const joined = (...parts) => parts.filter((part) => part !== "").map(short).join("\n");

  const bars = () => {
    const across = Boolean(y.categories?.length);
    return {
      xAxis: axis(x, true),
      yAxis: { ...axis(y, false), ...(across ? { inverse: true } : {}) },
      series: lines.map((line, i) => ({
        type: "bar",
        name: line.name,
        stack: spec.stacked ? "all" : undefined,
        barMaxWidth: 28,
        itemStyle: { color: paint(line.tone, i) },
        data: line.x.map((at, n) => ({ value: [at, line.y[n]], told: joined(line.name, across ? named(y, line.y[n]) : named(x, at), across ? figures(at) : figures(line.y[n]) + unit, line.texts?.[n] || "") })),
      })),
    };
  };

  const points = () => ({
    xAxis: axis(x, true),
    yAxis: axis(y, false),
    series: lines.map((line, i) => ({
      type: line.shape === "points" ? "scatter" : "line",
      name: line.name,
      lineStyle: { color: paint(line.tone, i), width: 1.5 },
      symbolSize: 9,
      symbol: ["circle", "diamond", "rect", "triangle"][i % 4],
      itemStyle: { color: paint(line.tone, i) },
      data: line.x.map((at, n) => ({ value: [at, line.y[n]], told: joined(line.name, `${figures(at)}, ${figures(line.y[n])}${unit}`, line.texts?.[n] || "") })),
      markLine: i ? undefined : {
        symbol: "none", silent: true, animation: false,
        data: (spec.marks || []).map((mark) => ({ name: mark.name, [mark.axis === "y" ? "yAxis" : "xAxis"]: mark.at, lineStyle: { color: paint(mark.tone ?? "muted"), type: "dashed" }, label: { formatter: short(mark.name), color: quiet } })),
      },
    })),
  });

  const heatmap = () => {
    const cells = spec.cells || [];
    const longest = Math.max(0, ...cells.map((cell) => short(cell.text || "").length));
    const room = (plot.clientWidth - left() - 70) / (x.categories?.length || 1); // of a cell
    return {
      xAxis: axis(x, true),
      yAxis: { ...axis(y, false), inverse: true },
      visualMap: scaleOf(cells.map((cell) => cell.value), 2),
      series: [{
        type: "heatmap",
        data: cells.map((cell) => ({ value: [cell.x, cell.y, shade(cell.value) ?? "-"], told: joined(named(y, cell.y), named(x, cell.x), cell.value === null || cell.value === undefined ? "" : figures(cell.value) + unit, cell.text || "") })),
        label: { show: longest > 0 && 7 * longest < room, formatter: (p) => short(cells[p.dataIndex].text || ""), color: text, textBorderColor: color("ground"), textBorderWidth: 2 },
        itemStyle: { borderColor: color("ground"), borderWidth: 1 },
      }],
    };
  };

  const graph = () => {
    const nodes = spec.nodes || [];
    const shown = Boolean(x.name || y.name) && !nodes.some((node) => node.value !== undefined);
    const hidden = { type: "value", show: false, scale: true };
    const [top, bottom] = [Math.min(...nodes.map((node) => node.y)), Math.max(...nodes.map((node) => node.y))];
    const room = Math.max(0, 4 - (bottom - top)) / 2 + 0.5; // a chain of nodes stands in the middle
    const scale = nodes.some((node) => node.value !== undefined) ? scaleOf(nodes.map((node) => node.value)) : undefined;
    const inked = (node) => (node.value === undefined || !scale ? paint(node.tone) : mixed((shade(node.value) - scale.min) / (scale.max - scale.min)));
    return {
      xAxis: shown ? axis(x, true) : hidden,
      yAxis: shown ? axis(y, false) : { ...hidden, min: top - room, max: bottom + room, inverse: true },
      visualMap: scale && { ...scale, seriesIndex: [] }, // its colors are told here: a graph has two dimensions for it
      dataZoom: [{ type: "inside", xAxisIndex: 0, zoomOnMouseWheel: "ctrl" }, { type: "inside", yAxisIndex: 0, zoomOnMouseWheel: "ctrl" }],
      series: [{
        type: "graph",
        coordinateSystem: "cartesian2d",
        layout: "none",
        symbolSize: nodes.length > 150 ? 7 : 11,
        edgeSymbol: shown ? ["none", "none"] : ["none", "arrow"],
        edgeSymbolSize: 5,
        lineStyle: { color: quiet, opacity: 0.5, curveness: shown ? 0 : 0.1 },
        data: nodes.map((node, i) => ({ id: String(i), name: String(i), value: [node.x, node.y, shade(node.value)], itemStyle: { color: inked(node), borderColor: quiet, borderWidth: 0.5 }, told: joined(node.name, node.value === undefined ? "" : figures(node.value) + unit, node.text || "") })),
        links: (spec.links || []).map(([from, to]) => ({ source: String(from), target: String(to) })),
      }],
    };
  };

  const chart = echarts.init(plot, null, { renderer: "canvas" });
  const several = lines.length > 1;

  function draw() {
    const drawn = { bar: bars, scatter: points, heatmap, graph }[spec.kind]();
    chart.setOption({
      animation: false,
      textStyle: { fontFamily: "system-ui, sans-serif", color: text },
      legend: several ? { type: "scroll", top: 0, right: 0, textStyle: { color: quiet }, formatter: short, itemWidth: 12, itemHeight: 10 } : undefined,
      grid: { left: left(), right: drawn.visualMap ? 70 : 20, top: several ? 34 : 14, bottom: x.name || x.unit ? 48 : 34 },
      tooltip: {
        renderMode: "richText", confine: true, backgroundColor: color("raised"), borderColor: color("line"), textStyle: { color: text, fontSize: 12 },
        formatter: (p) => p.data?.told ?? "",
      },
      ...drawn,
    });
  }

  draw();
  let width = plot.clientWidth;
  const sized = new ResizeObserver(() => {
    if (!plot.clientWidth || plot.clientWidth === width) return;
    width = plot.clientWidth;
    chart.resize();
    if (spec.kind === "heatmap") draw(); // what fits into a cell is another now
  });
  sized.observe(plot);
  return { end: () => (sized.disconnect(), chart.dispose()) };
};
