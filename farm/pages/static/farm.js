// One stream of the lab's events a page, which has the live parts of it asked for anew; colors; the keyboard.
"use strict";

(() => {
  const PAUSE_MS = 250; // what happens together is one question
  const REST_MS = 1000; // between two questions
  const AGAIN_MS = 3000;

  // --- events: `lab-device`, `lab-run`, `lab-job`, `lab-job-12`, `lab-night`, `lab-gate`, `lab-regression` on the body, for
  // which htmx waits

  const status = document.getElementById("stream");
  const waiting = new Set();
  let timer = 0;
  let told = 0;
  let leaving = false;

  function tell(names) {
    if (leaving) return;
    names.forEach((name) => waiting.add(name));
    if (timer) return;
    timer = setTimeout(() => {
      timer = 0;
      told = Date.now();
      const now = [...waiting];
      waiting.clear();
      if (!leaving) now.forEach((name) => document.body.dispatchEvent(new CustomEvent(`lab-${name}`)));
    }, Math.max(PAUSE_MS, told + REST_MS - Date.now()));
  }

  function kinds(event) {
    if (event.device || event.gone) return ["device"];
    if (event.run) return ["run", `job-${event.run.job}`];
    if (event.job) return ["job", `job-${event.job.job}`];
    return ["night", "gate", "regression"].filter((kind) => event[kind]);
  }

  function show(state, text) {
    if (status.dataset.state === state) return;
    status.dataset.state = state;
    status.textContent = text;
  }

  let source = null;
  let last = document.body.dataset.last || "";

  function listen() {
    if (source) source.close();
    source = new EventSource(document.body.dataset.events + (last ? `?last=${last}` : ""));
    let caught = false; // before the first `at` it tells where everything stands, which the page knows
    source.addEventListener("lab", (event) => {
      if (caught) tell(kinds(JSON.parse(event.data)));
    });
    source.addEventListener("at", (event) => {
      last = event.lastEventId;
      if (!caught) tell(["device"]); // may have changed since the page was drawn
      caught = true;
      show("live", "live");
    });
    source.onerror = () => {
      show("reconnecting", "reconnecting");
      if (source.readyState === EventSource.CLOSED) setTimeout(retry, AGAIN_MS); // refused, not broken
    };
  }

  async function retry() {
    if (document.hidden) return;
    const answer = await fetch(location.href, { method: "HEAD", redirect: "manual" }).catch(() => null);
    if (answer && answer.type === "opaqueredirect") location.reload(); // to the login
    else listen();
  }

  if (status) {
    listen();
    // A browser has six connections to a lab: pages that nobody sees leave theirs to others.
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) return listen();
      source.close();
      show("paused", "paused");
    });
    setInterval(() => document.hidden || tell(["minute"]), 60_000);
    addEventListener("pagehide", () => source.close());
    addEventListener("pageshow", (event) => event.persisted && location.reload());
    document.addEventListener("htmx:response:error", (event) => {
      if (event.detail.ctx?.response?.status === 401 && !leaving) location.reload();
    });
    // What is asked for after the session's end would be refused, and the page be loaded anew instead of left.
    document.getElementById("logout").addEventListener("submit", () => {
      leaving = true;
      source.close();
      document.querySelectorAll("[hx-get]").forEach((part) => part.dispatchEvent(new Event("htmx:abort")));
    });
  }

  // --- colors: automatic, light, dark

  const themes = ["auto", "light", "dark"];
  const words = { auto: "Auto", light: "Light", dark: "Dark" };
  const button = document.getElementById("theme");

  function theme() {
    return document.documentElement.dataset.theme || "auto";
  }

  function name() {
    button.textContent = words[theme()];
    button.setAttribute("aria-label", `${words[theme()]} colors`);
  }

  button.addEventListener("click", () => {
    const next = themes[(themes.indexOf(theme()) + 1) % themes.length];
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("theme", next);
    } catch {
      // For this page, then.
    }
    name();
    document.dispatchEvent(new Event("farm:theme"));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.dispatchEvent(new Event("farm:theme")));
  name();

  // --- the keyboard

  const help = document.getElementById("help");
  let went = 0; // when `g` was pressed

  document.getElementById("keys")?.addEventListener("click", () => help.showModal());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
    if (event.key === "/" && document.getElementById("search")) {
      event.preventDefault();
      document.getElementById("search").focus();
    } else if (event.key === "?" && help) {
      help.showModal();
    } else if (event.key === "g") {
      went = Date.now();
    } else if (Date.now() - went < 1500) {
      went = 0;
      document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`)?.click();
    }
  });
})();
