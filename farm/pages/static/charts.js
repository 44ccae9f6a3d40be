// Charts: found in the page, drawn when their library is there, drawn anew when their figures, the colors or the width change.
"use strict";

const farmCharts = (() => {
  const here = document.currentScript.dataset;
  const drawn = new Map(); // figure -> { text, chart }
  const loading = new Map();
  const probe = document.createElement("span");

  /** A color of the style sheet as the browser computes it: canvas knows no variables. */
  function color(name) {
    if (!probe.isConnected) {
      probe.hidden = true;
      document.body.append(probe);
    }
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  }

  const TONES = { good: "good", warn: "warn", bad: "bad", muted: "quiet" };

  /** The color of a tone; without one that of the so-manieth series. */
  function paint(tone, index = 0) {
    return color(TONES[tone] || `series-${(index % 8) + 1}`);
  }

  function faint(rgb, share) {
    const parts = rgb.match(/[\d.]+/g).slice(0, 3);
    return `rgba(${parts.join(",")},${share})`;
  }

  function load(address) {
    if (!loading.has(address)) {
      loading.set(address, new Promise((done, failed) => {
        const script = document.createElement("script");
        script.src = address;
        script.onload = done;
        script.onerror = failed;
        document.head.append(script);
      }));
    }
    return loading.get(address);
  }

  function figures(value) {
    if (value === null || value === undefined) return "";
    const size = Math.abs(value);
    return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
  }

  async function draw(figure) {
    const text = figure.querySelector("script").textContent;
    const known = drawn.get(figure);
    if (known?.text === text) {
      if (known.chart) figure.dataset.drawn = ""; // the server's figure, laid over this one, has no such mark
      return;
    }
    const told = { text, chart: known?.chart };
    drawn.set(figure, told);
    const spec = JSON.parse(text);
    const lines = spec.kind === "time" || spec.kind === "line";
    await load(lines ? here.uplot : here.echarts);
    if (drawn.get(figure) !== told) return; // newer figures came in the meantime
    const plot = figure.querySelector(".plot");
    told.chart?.end();
    plot.replaceChildren();
    told.chart = (lines ? farmCharts.lines : farmCharts.shapes)(plot, spec);
    figure.dataset.drawn = "";
  }

  function drawAll() {
    for (const [figure, { chart }] of drawn) {
      if (figure.isConnected) continue;
      chart?.end();
      drawn.delete(figure);
    }
    const open = [...document.querySelectorAll("figure.chart")].filter((f) => f.querySelector(".plot").clientWidth);
    open.forEach((figure) => seen.observe(figure));
  }

  const seen = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting).forEach((entry) => draw(entry.target));
  }, { rootMargin: "400px" });

  addEventListener("beforeprint", () => document.querySelectorAll("figure.chart").forEach(draw)); // also those below the fold

  function redraw() {
    for (const told of drawn.values()) told.text = "";
    [...drawn.keys()].forEach(draw);
  }

  /** The picture with title, legend and note on the page's ground, as a file. */
  function save(figure) {
    const spec = JSON.parse(figure.querySelector("script").textContent);
    const canvases = [...figure.querySelectorAll(".plot canvas")];
    if (!canvases.length) return;
    const scale = devicePixelRatio || 1;
    const [width, height] = [canvases[0].width, Math.max(...canvases.map((c) => c.height))];
    const out = document.createElement("canvas");
    const pen = out.getContext("2d");
    const fonts = { title: `600 ${15 * scale}px system-ui, sans-serif`, rest: `${12 * scale}px system-ui, sans-serif` };
    const [margin, line] = [12 * scale, 18 * scale];
    pen.font = fonts.title;
    const title = rows(pen, spec.title.split(" ").map((word) => ({ word })), width);
    pen.font = fonts.rest;
    const names = rows(pen, legend(spec).map(({ name, ink }) => ({ word: name, ink })), width, 18 * scale);
    const note = rows(pen, (spec.note || "").split(" ").filter(Boolean).map((word) => ({ word })), width);
    const above = margin + line * (title.length + names.length) + 6 * scale;
    out.width = width + 2 * margin; // which forgets the font
    out.height = above + height + line * note.length + margin;
    pen.fillStyle = color("ground");
    pen.fillRect(0, 0, out.width, out.height);
    let y = margin;
    const write = (placed, font, tone) => {
      pen.font = fonts[font];
      for (const row of placed) {
        y += line;
        for (const { word, ink, at } of row) {
          pen.fillStyle = ink || color(tone);
          if (ink) pen.fillRect(margin + at, y - 14 * scale, 10 * scale, 10 * scale);
          pen.fillStyle = color(tone);
          pen.fillText(word, margin + at + (ink ? 14 * scale : 0), y - 5 * scale, width - at);
        }
      }
    };
    write(title, "title", "text");
    write(names, "rest", "quiet");
    canvases.forEach((c) => pen.drawImage(c, margin, above));
    y = above + height;
    write(note, "rest", "quiet");
    out.toBlob((blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = `${spec.id}.png`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  }

  /** Words laid out in rows of a width, each with its place; `more` is what stands before each, beside a space. */
  function rows(pen, words, width, more = 0) {
    const found = [];
    let at = 0;
    for (const one of words) {
      const wide = pen.measureText(`${one.word} `).width + more;
      if (!found.length || at + wide > width) {
        found.push([]);
        at = 0;
      }
      found.at(-1).push({ ...one, at });
      at += wide;
    }
    return found;
  }

  /** Names and colors of the lines, where there are several. */
  function legend(spec) {
    const lines = spec.lines || [];
    return lines.length > 1 && lines.length <= 12 ? lines.map((l, i) => ({ name: l.name, ink: paint(l.tone, i) })) : [];
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-png]");
    if (button) save(button.closest("figure"));
  });
  document.addEventListener("farm:theme", redraw);
  document.addEventListener("toggle", drawAll, true);
  document.addEventListener("htmx:after:swap", () => {
    drawAll();
    [...drawn.keys()].filter((figure) => figure.isConnected).forEach(draw);
  });
  document.addEventListener("DOMContentLoaded", drawAll);
  return { color, paint, faint, figures, legend };
})();
