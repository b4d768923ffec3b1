// Whole pictures to begin with: the photo in each mood, and its other likely colorizations, one click each.

import { notChoosing } from "/chooser.js";
import { post } from "/server.js";
import { settings } from "/settings.js";
import { make, say } from "/words.js";

const PX = 160; // long side of a picture
const SOON_MS = 250; // after the last change, the pictures follow
const IDLE_MS = 3000; // without an action, other colorizations are computed, which takes a second
const ONE_COLOR = /predicts one color for each place/; // what the server says of a network that has no looks
const place = document.querySelector("#photos .looks");
let desk; // {photo(), edits(), change(changes), busy(), idle()}
let tiles = []; // {changes, button, image, shown: the edits it shows}
let timer = null;
let running = false;
let acted = 0; // time of the last action

export function startLooks(with_) {
  desk = with_;
  for (const name of ["pointerdown", "keydown", "wheel"]) {
    document.addEventListener(name, () => (acted = performance.now()), { capture: true, passive: true });
  }
}

// Shows the looks of another photo.
export function showLooks() {
  const { id } = desk.photo();
  place.scrollLeft = 0;
  tiles = ["", ...settings.moods].map((mood) => tile({ mood: mood || null, candidate: null }, say(`look_${mood || "none"}`), id));
  addCandidates();
  place.replaceChildren(...tiles.map(({ button }) => button));
  refreshLooks();
}

function addCandidates() {
  const { id, others = [] } = desk.photo();
  for (const candidate of others) {
    tiles.push(tile({ mood: null, candidate }, say("candidate", { number: tiles.length - settings.moods.length }), id));
    place.append(tiles.at(-1).button);
  }
}

function tile(changes, name, id) {
  const image = make("img", { src: `/photos/${id}/gray`, alt: "" });
  const button = make("button", { title: name }, image, make("span", { textContent: name }));
  button.addEventListener("click", () => desk.change(changes));
  return { changes, button, image, shown: "" };
}

// Marks the chosen look, and shows all with the current hints as soon as nothing else is asked.
export function refreshLooks() {
  const { mood = null, candidate = null } = desk.edits();
  const same = (one) => (one.mood ?? null) === (mood ?? null) && regions(one.candidate) === regions(candidate);
  for (const { changes, button } of tiles) button.setAttribute("aria-pressed", same(changes));
  clearTimeout(timer);
  timer = setTimeout(follow, SOON_MS);
}

const regions = (candidate) => JSON.stringify(candidate?.regions ?? []);

async function follow() {
  if (running) return;
  running = true;
  const photo = desk.photo();
  const still = () => photo && photo === desk.photo() && !desk.busy();
  let failed = false;
  try {
    for (const one of [...tiles]) {
      await notChoosing(); // its color is not to wait for a look, which it changes, too
      if (!still()) break;
      const edits = { ...desk.edits(), ...one.changes };
      if (one.shown !== JSON.stringify(edits)) await picture(one, photo, edits);
    }
    await notChoosing();
    if (still() && !photo.others) await findOthers(photo);
  } catch (error) {
    failed = photo === desk.photo(); // of one that was closed meanwhile, it says nothing about the shown one
    if (failed && ONE_COLOR.test(error.message)) {
      tiles = [];
      place.replaceChildren();
    }
  } finally {
    running = false;
  }
  if (failed) return; // the next change of the edits tries again
  if (tiles.length && desk.photo() && (photo !== desk.photo() || !photo.others || tiles.some(isBehind))) timer = setTimeout(follow, SOON_MS);
}

const isBehind = (one) => one.shown !== JSON.stringify({ ...desk.edits(), ...one.changes });

async function picture(one, photo, edits) {
  const part = new URLSearchParams({ x: 0, y: 0, width: photo.width, height: photo.height, px: PX });
  const blob = await (await post(`/photos/${photo.id}/color?${part}`, edits)).blob();
  if (one.image.src.startsWith("blob:")) URL.revokeObjectURL(one.image.src);
  one.image.src = URL.createObjectURL(blob);
  one.shown = JSON.stringify(edits);
}

// Finds other colorizations once for a photo, when nothing was done for a moment. One stays what it is under later hints: it is
// kept as its regions, with the hints and strokes that it was found with.
async function findOthers(photo) {
  if (performance.now() - acted < IDLE_MS || !desk.idle()) return;
  const edits = { ...desk.edits(), mood: null };
  const { hints = [], strokes = [] } = edits;
  const found = await (await post(`/photos/${photo.id}/candidates`, edits)).json();
  photo.others = found.slice(1).map(({ regions }) => ({ regions, hints, strokes: strokes.length }));
  if (photo !== desk.photo()) return;
  addCandidates();
  refreshLooks();
}
