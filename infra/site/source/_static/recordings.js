"use strict";
// A recording replaces its picture while it plays. It plays only when the reader asks for it, once, and ends in the picture.
// For a reader who prefers reduced motion, and without this program, there is a link to the file.

function player(link) {
  const picture = link.closest(".output").querySelector("img.workshop-picture");
  const still = picture.src;
  const seconds = Number(link.dataset.seconds);
  const button = document.createElement("button");
  let ending = 0;
  let plays = 0;

  function stop() {
    clearTimeout(ending);
    picture.onload = picture.onerror = null;
    picture.src = still;
    button.textContent = `Play the ${link.textContent.toLowerCase()}`;
    delete picture.dataset.playing;
  }

  function play() {
    picture.onerror = stop;
    picture.onload = () => {
      ending = setTimeout(stop, 1000 * seconds);
    };
    // A new address each time: at the same one, browsers would show the end of the animation that they already know.
    picture.src = `${link.href}?${(plays += 1)}`;
    picture.dataset.playing = "";
    button.textContent = "Show the still picture";
  }

  button.type = "button";
  button.addEventListener("click", () => ("playing" in picture.dataset ? stop() : play()));
  stop();
  return { button, stop };
}

document.addEventListener("DOMContentLoaded", () => {
  const reduced = matchMedia("(prefers-reduced-motion: reduce)");
  for (const link of document.querySelectorAll(".recording a")) {
    const { button, stop } = player(link);
    const offer = () => {
      stop();
      (button.isConnected ? button : link).replaceWith(reduced.matches ? link : button);
    };
    offer();
    reduced.addEventListener("change", offer);
  }
});
