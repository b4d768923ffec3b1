// The films tab: one film, its frames, its shots, its edits, and its job.

import { asked, chooseColor, stopChoosing } from "/chooser.js";
import { makeColors } from "/colors.js";
import { Edits, stepByKeys, written } from "/edits.js";
import { FrameSlider } from "/film_frames.js";
import { addKeyframe, keyframesOf, showKeyframe, showReach, startKeyframes } from "/film_keyframes.js";
import { showJob, showShare, startJob } from "/film_job.js";
import { openOutput, showOutput, startOutput } from "/film_output.js";
import { openPlayer, startPlayer } from "/film_player.js";
import { FilmStrip } from "/film_strip.js";
import { ask, calm, complain, post, upload } from "/server.js";
import { settings } from "/settings.js";
import { Stage } from "/stage.js";
import { make, say } from "/words.js";

const KEPT = "colorizer.film"; // in the tab's own memory
const POLL_MS = 1000;

const find = (selector) => document.querySelector(`#films ${selector}`);
const byId = (id) => document.getElementById(id);
const stage = new Stage();
let film = null; // as the server describes it, with all its shots
let edits = null;
let slider; // the frame on the stage
let strip;
let timer = null;
let showColors;
let asking = false; // whether a request for the stage's colors is running
let again = false;
let behind = false; // whether the server lacks the latest edits

export async function startFilms() {
  find(".stage-place").append(stage.element);
  showColors = makeColors(find(".colors"), change);
  find(".path").hidden = !settings.opens;
  const isShown = () => film && !byId("films").hidden;
  slider = new FrameSlider(stage, { moved: showFrame, rested: look, isShown });
  strip = new FilmStrip(find(".shots"), { choose: (frame) => slider.go(frame), busy: () => asking || behind, version, marks });
  startKeyframes({ film: () => film, at: () => slider.at, edits: () => edits.now, change, go: (frame) => slider.go(frame), stage });
  startOutput({ film: () => film, planned: describe });
  startJob({ film: () => film, told: describe });
  startPlayer();
  listen();
  stepByKeys(isShown, step);
  const kept = sessionStorage.getItem(KEPT);
  if (kept && (await open(ask(`/films/${kept}`), { quiet: true }))) return;
  await showOpenFilms();
}

function listen() {
  byId("film-file").addEventListener("change", (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (file) uploadFilm(file);
  });
  find(".path").addEventListener("submit", (event) => {
    event.preventDefault();
    open(post("/films/open", { path: byId("film-path").value }));
  });
  byId("other-film").addEventListener("click", leaveFilm);
  byId("film-undo").addEventListener("click", () => step("undo"));
  byId("film-redo").addEventListener("click", () => step("redo"));
  byId("film-clear").addEventListener("click", () => change({ hints: edits.now.hints.filter((hint) => shotAt(frameOf(hint)) !== shotAt(slider.at)) }));
  byId("shot-reference").addEventListener("change", chooseReference);
  byId("shot-reference-shown").addEventListener("click", () => change({ references: without(edits.now.references, shotAt(slider.at) + 1) }));
  for (const button of find(".shot .tools").querySelectorAll("[data-wanted]")) {
    button.addEventListener("click", () => want(button.dataset.wanted));
  }
  stage.addEventListener("place", ({ detail }) => placeHint(detail));
  stage.addEventListener("pick", ({ detail }) => pickHint(shown()[detail]));
  stage.addEventListener("zoomed", stopChoosing);
  stage.addEventListener("remove", ({ detail }) => exchange(shown()[detail], []));
  stage.addEventListener("move", ({ detail: { index, x, y } }) => exchange(shown()[index], [{ ...shown()[index], x, y }]));
}

// Opening

export async function uploadFilm(file) {
  calm();
  const bar = byId("film-upload");
  bar.hidden = false;
  await open(upload("/films", file, (share) => showShare(bar, share)));
  bar.hidden = true;
}

// Takes a picture that was dropped on an open film: a colored copy of the frame that it was dropped on. Returns whether it did.
export function takePicture(file, target) {
  if (!film || byId("films").hidden) return false;
  const on = target.closest?.("[data-frame]");
  addKeyframe(file, on ? Number(on.dataset.frame) : slider.at);
  return true;
}

async function open(answer, { quiet = false } = {}) {
  try {
    const found = await answer;
    film = found instanceof Response ? await found.json() : found;
  } catch (error) {
    sessionStorage.removeItem(KEPT);
    if (!quiet) complain(error);
    return false;
  }
  calm();
  sessionStorage.setItem(KEPT, film.id);
  edits = new Edits({ now: film.values.edits ?? { hints: [], references: {}, shots: {}, keyframes: {} } });
  behind = false;
  find(".opening").hidden = true;
  find(".film").hidden = false;
  byId("film-name").textContent = film.name;
  byId("film-facts").textContent = facts();
  byId("film-text").textContent = film.text;
  strip.open(film);
  openPlayer(film);
  openOutput();
  slider.open(film);
  slider.go(film.shots[0]?.strip[0] ?? film.first);
  show();
  return true;
}

function facts() {
  const minutes = Math.floor(film.seconds / 60);
  const seconds = String(Math.floor(film.seconds % 60)).padStart(2, "0");
  return say("facts", { time: `${minutes}:${seconds}`, frames: film.frames, width: film.width, height: film.height });
}

async function leaveFilm() {
  clearTimeout(timer);
  sessionStorage.removeItem(KEPT);
  film = null;
  slider.close();
  openPlayer(null);
  stopChoosing();
  find(".film").hidden = true;
  find(".opening").hidden = false;
  await showOpenFilms();
}

async function showOpenFilms() {
  const films = await (await ask("/films")).json();
  byId("open-films").replaceChildren(
    ...films.map(({ id, name, state }) => {
      const button = make("button", { textContent: name });
      button.append(make("span", { textContent: state ? say(`state_${state}`) : "" }));
      button.addEventListener("click", () => open(ask(`/films/${id}`)));
      return make("li", {}, button);
    }),
  );
}

// The film's description, polled while work is in progress

async function refresh() {
  const { id, shots } = film;
  try {
    const now = await (await ask(`/films/${id}?since=${Math.max(shots.length - 1, 0)}`)).json();
    if (film?.id !== id) return;
    describe(now);
  } catch (error) {
    complain(error);
    if (error.status === 404) return leaveFilm();
    show();
  }
}

// Takes a description; it has the shots from a number on.
function describe(now) {
  film = { ...now, shots: [...film.shots.slice(0, now.since), ...now.shots] };
  show();
}

function show() {
  const working = showJob(film);
  showOutput(film, working);
  byId("film-warnings").replaceChildren(...film.warnings.map((textContent) => make("li", { textContent })));
  strip.update(film.shots);
  showFrame();
  clearTimeout(timer);
  if (working || ["waiting", "running"].includes(film.analysis.state)) timer = setTimeout(refresh, POLL_MS);
}

// Shots and frames

// Returns the shot of a frame, -1 while it is not found.
function shotAt(frame) {
  const found = film.shots.findLastIndex((shot) => shot.first <= frame);
  const shot = film.shots[found];
  return shot && frame < shot.first + shot.frames ? found : -1;
}

const frameOf = (hint) => parseInt(hint.at);

// The edits that the colors of a shot depend on.
function version(index) {
  const { hints, references, shots, names, keyframes, ...rest } = edits.now;
  const own = hints.filter((hint) => shotAt(frameOf(hint)) === index);
  const keys = keyframesOf(edits.now, film.shots[index]).map((frame) => [frame, keyframes[frame].id]);
  return JSON.stringify([written(own), references[index + 1] ?? null, wanted(index), keys, rest]);
}

function marks(index) {
  const found = [wanted(index) && say(wanted(index) === "leave" ? "leave" : "paint")];
  const hints = edits.now.hints.filter((hint) => shotAt(frameOf(hint)) === index).length;
  const keys = keyframesOf(edits.now, film.shots[index]).length;
  if (hints) found.push(say("hints_count", { count: hints }));
  if (keys) found.push(say("keyframes_count", { count: keys }));
  return found.filter(Boolean).join(" · ");
}

function wanted(index) {
  return edits.now.shots[index + 1] ?? "";
}

// Shows what belongs to the frame on the stage.
function showFrame() {
  const index = shotAt(slider.at);
  const shot = film.shots[index];
  if (slider.at !== shownAt) stopChoosing();
  shownAt = slider.at;
  stage.hints = shown();
  strip.mark(slider.at, index);
  byId("shot-title").textContent = shot ? say("shot", { number: index + 1, total: film.shots.length }) : say("shot_unknown");
  for (const one of find(".shot").querySelectorAll(".tools button, #shot-reference")) one.disabled = !shot;
  for (const button of find(".shot .tools").querySelectorAll("[data-wanted]")) {
    button.setAttribute("aria-checked", button.dataset.wanted === wanted(index));
    if (!button.dataset.wanted) button.title = say(shot?.color ? "has_color" : "has_no_color");
  }
  const reference = edits.now.references[index + 1];
  byId("shot-reference-shown").hidden = !reference;
  byId("shot-reference-shown").textContent = `${edits.now.names?.[reference] ?? ""} ×`;
  byId("film-clear").disabled = !edits.now.hints.some((hint) => shotAt(frameOf(hint)) === index);
  showKeyframe(shot);
  showMarked(index, shot);
}

let shownAt = null;

// Lists the frames of the shot that have hints or keyframes, and marks all of the film's on the slider.
function showMarked(index, shot) {
  const counts = new Map();
  for (const hint of edits.now.hints) counts.set(frameOf(hint), (counts.get(frameOf(hint)) ?? 0) + 1);
  const keys = new Set(Object.keys(edits.now.keyframes ?? {}).map(Number));
  const all = [...new Set([...counts.keys(), ...keys])].sort((a, b) => a - b);
  const text = (frame) => [keys.has(frame) && say("keyframe"), counts.has(frame) && say("hints_count", { count: counts.get(frame) })].filter(Boolean).join(", ");
  const key = JSON.stringify([index, slider.at, all.map((frame) => [frame, text(frame)])]);
  if (byId("marked").key === key) return; // keeps the focus
  byId("marked").key = key;
  const own = shot ? all.filter((frame) => shotAt(frame) === index) : [];
  byId("marked").replaceChildren(
    ...own.map((frame) => {
      const button = make("button", { className: "chip", textContent: `${say("frame", { frame })}: ${text(frame)}` });
      if (frame === slider.at) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => slider.go(frame));
      return button;
    }),
  );
  const span = Math.max(film.last - 1 - film.first, 1);
  find(".ticks").replaceChildren(
    ...all.map((frame) => {
      const tick = make("span", { className: keys.has(frame) ? "key" : "" });
      tick.style.left = `${((frame - film.first) / span) * 100}%`;
      return tick;
    }),
  );
}

// Returns the hints on the frame on the stage.
function shown() {
  return edits.now.hints.filter((hint) => frameOf(hint) === slider.at);
}

// Edits

function change(changes, like) {
  edits.change(changes, like);
  showEdits();
}

function step(way) {
  edits[way]();
  showEdits();
}

function without(values, key) {
  const { [key]: _, ...rest } = values;
  return rest;
}

function want(value) {
  const number = shotAt(slider.at) + 1;
  const shots = without(edits.now.shots, number);
  change({ shots: value ? { ...shots, [number]: value } : shots });
}

function exchange(hint, others) {
  change({ hints: edits.now.hints.flatMap((one) => (one === hint ? others : [one])) });
}

function showEdits() {
  behind = true;
  look();
}

// Shows the edits, and the colors of the frame on the stage.
function look() {
  showColors(edits.now);
  byId("film-undo").disabled = !edits.past.length;
  byId("film-redo").disabled = !edits.future.length;
  showFrame();
  colorize();
}

// Sends the edits to the server, then requests the colors; repeats if the edits or the frame have changed meanwhile.
async function colorize() {
  again = true;
  if (asking) return;
  asking = stage.busy = true;
  while (again && film) {
    again = false;
    const [id, frame] = [film.id, slider.at];
    try {
      if (behind) {
        behind = false;
        await post(`/films/${id}/guidance`, guidance());
      }
      const blob = await (await ask(`/films/${id}/frames/${frame}/color`)).blob();
      if (film?.id === id && frame === slider.at) stage.color = URL.createObjectURL(blob);
      if (!again) await showReach();
      calm();
    } catch (error) {
      complain(error);
    }
  }
  asking = stage.busy = false;
  if (film) strip.update(film.shots);
}

function guidance() {
  const { hints, names, keyframes = {}, ...rest } = edits.now;
  const ids = Object.fromEntries(Object.entries(keyframes).map(([frame, { id }]) => [frame, id]));
  return { ...rest, keyframes: ids, hints: written(hints), edits: edits.now };
}

async function placeHint(at) {
  const frame = slider.at;
  const color = await chooseColor(stage.placeOnScreen(at), { likely: likelyColors(at), shown: shownColors(at) });
  if (!color || frame !== slider.at) return;
  change({ hints: [...edits.now.hints, { ...at, color, at: `${frame}f` }] });
}

async function pickHint(hint) {
  const color = await chooseColor(stage.placeOnScreen(hint), { likely: likelyColors(hint), current: hint.color, shown: shownColors(hint) });
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
  return `/films/${film.id}/frames/${slider.at}/${what}?x=${(x + 0.5) / film.width}&y=${(y + 0.5) / film.height}`;
}

async function chooseReference(event) {
  const [file] = event.target.files;
  const number = shotAt(slider.at) + 1;
  event.target.value = "";
  try {
    const { id } = await upload("/references", file);
    const { references, names } = edits.now;
    change({ references: { ...references, [number]: id }, names: { ...names, [id]: file.name } });
  } catch (error) {
    complain(error);
  }
}
