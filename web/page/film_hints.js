// Hints on the frame on the stage: placed, given another color, moved and removed.

import { asked, chooseColor, stopChoosing } from "/chooser.js";
import { ask } from "/server.js";

let desk; // {film(), at(), edits(), change(changes), stage}

export function startHints(with_) {
  desk = with_;
  const { stage } = desk;
  stage.addEventListener("place", ({ detail }) => placeHint(detail));
  stage.addEventListener("pick", ({ detail }) => pickHint(hintsHere()[detail]));
  stage.addEventListener("zoomed", stopChoosing);
  stage.addEventListener("remove", ({ detail }) => exchange(hintsHere()[detail], []));
  stage.addEventListener("move", ({ detail: { index, x, y } }) => exchange(hintsHere()[index], [{ ...hintsHere()[index], x, y }]));
}

export const frameOf = (hint) => parseInt(hint.at);

// Returns the hints on the frame on the stage.
export function hintsHere() {
  return desk.edits().hints.filter((hint) => frameOf(hint) === desk.at());
}

function exchange(hint, others) {
  desk.change({ hints: desk.edits().hints.flatMap((one) => (one === hint ? others : [one])) });
}

async function placeHint(at) {
  const frame = desk.at();
  const color = await chooseColor(desk.stage.placeOnScreen(at), { likely: likelyColors(at), shown: shownColors(at) });
  if (!color || frame !== desk.at()) return;
  desk.change({ hints: [...desk.edits().hints, { ...at, color, at: `${frame}f` }] });
}

async function pickHint(hint) {
  const color = await chooseColor(desk.stage.placeOnScreen(hint), { likely: likelyColors(hint), current: hint.color, shown: shownColors(hint) });
  if (color) exchange(hint, color === "remove" ? [] : [{ ...hint, color }]);
}

async function likelyColors(at) {
  return (await ask(placePath("likely", at))).json();
}

// Returns a function that tells what colors become at a place of the frame on the stage.
function shownColors(at) {
  return async (colors) => (await ask(`${placePath("shown", at)}&${asked(colors)}`)).json();
}

function placePath(what, { x, y }) {
  const { id, width, height } = desk.film();
  return `/films/${id}/frames/${desk.at()}/${what}?x=${(x + 0.5) / width}&y=${(y + 0.5) / height}`;
}
