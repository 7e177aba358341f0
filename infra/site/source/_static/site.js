"use strict";
// From a folder, browsers refuse to read other pages, so that search results have no excerpts there.
if (location.protocol === "file:") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}

// Diagrams are drawn in dark ink; the style sheet gives them a light card in both themes.
async function drawDiagrams() {
  const places = document.querySelectorAll("pre.mermaid");
  if (!places.length || !window.mermaid) {
    return;
  }
  mermaid.initialize({ startOnLoad: false, theme: "neutral" });
  for (const [number, place] of places.entries()) {
    place.innerHTML = (await mermaid.render(`diagram-${number}`, place.textContent)).svg;
  }
}

// A region that scrolls must be reachable by the keyboard.
function reachScrolling() {
  for (const region of document.querySelectorAll(".pst-scrollable-table-container, .cell_output, .cell_output .output, pre")) {
    if (region.scrollWidth > region.clientWidth || region.scrollHeight > region.clientHeight) {
      region.tabIndex = 0;
    }
  }
}

// What a screen reader says must contain the words that are shown.
function nameControls() {
  for (const control of document.querySelectorAll(".search-button-field[aria-label], .cell summary[aria-label]")) {
    control.removeAttribute("aria-label");
  }
  for (const fold of document.querySelectorAll(".bd-sidebar-primary summary")) {
    fold.setAttribute("aria-label", `Pages below ${fold.closest("li").querySelector("a").textContent}`);
  }
}

document.addEventListener("DOMContentLoaded", () => {
  nameControls();
  drawDiagrams();
  reachScrolling();
  addEventListener("resize", reachScrolling);
});
