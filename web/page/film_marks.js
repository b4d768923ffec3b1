// The frames that have hints or keyframes: those of the shot as a list, all of the film's on the slider.

import { frameOf } from "/film_hints.js";
import { make, say } from "/words.js";

const list = document.getElementById("marked");
const ticks = document.querySelector("#timeline .ticks");
let shown = ""; // what the list shows, to keep the focus

// shot : the frames of the shot on the stage, of {first, frames}, or none; go(frame) : shows another frame
export function showMarks(film, edits, shot, at, go) {
  const counts = new Map();
  for (const frame of edits.hints.map(frameOf)) counts.set(frame, (counts.get(frame) ?? 0) + 1);
  const keys = new Set(Object.keys(edits.keyframes ?? {}).map(Number));
  const all = [...new Set([...counts.keys(), ...keys])].sort((a, b) => a - b);
  const text = (frame) => {
    const hints = counts.has(frame) && say("hints_count", { count: counts.get(frame) });
    return [keys.has(frame) && say("keyframe"), hints].filter(Boolean).join(", ");
  };
  const own = shot ? all.filter((frame) => frame >= shot.first && frame < shot.first + shot.frames) : [];
  const key = JSON.stringify([film.id, at, own, all.map((frame) => [frame, text(frame)])]);
  if (key === shown) return;
  shown = key;
  list.replaceChildren(
    ...own.map((frame) => {
      const button = make("button", { className: "chip", textContent: `${say("frame", { frame })}: ${text(frame)}` });
      if (frame === at) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => go(frame));
      return button;
    }),
  );
  const span = Math.max(film.last - 1 - film.first, 1);
  ticks.replaceChildren(
    ...all.map((frame) => {
      const tick = make("span", { className: keys.has(frame) ? "key" : "" });
      tick.style.left = `${((frame - film.first) / span) * 100}%`;
      return tick;
    }),
  );
}
