// Before anything is drawn: the colors that the reader chose. Without a choice the system's hold.
"use strict";
try {
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // No storage: the system's colors.
}
