// The films tab: one film, its frames, its shots, its edits, and its job.

import { stopChoosing } from "/chooser.js";
import { makeColors } from "/colors.js";
import { Edits, stepByKeys, written } from "/edits.js";
import { FrameSlider } from "/film_frames.js";
import { frameOf, hintsHere, startHints } from "/film_hints.js";
import { addKeyframes, showKeyframe, showReach, startKeyframes } from "/film_keyframes.js";
import { showJob, showShare, startJob } from "/film_job.js";
import { showMarks } from "/film_marks.js";
import { openOutput, showOutput, startOutput } from "/film_output.js";
import { openPlayer, startPlayer } from "/film_player.js";
import { editsOfShot, marksOf, shotOf, versionOf, wantedOf } from "/film_shots.js";
import { FilmStrip } from "/film_strip.js";
import { ask, calm, complain, dismiss, post, showNotes, upload } from "/server.js";
import { settings } from "/settings.js";
import { Stage } from "/stage.js";
import { inWords, make, say } from "/words.js";

const [KEPT, STEPS] = ["colorizer.film", "colorizer.film.steps"]; // in the tab's own memory
const POLL_MS = 1000;

const find = (selector) => document.querySelector(`#films ${selector}`);
const byId = (id) => document.getElementById(id);
const stage = new Stage();
let film = null; // as the server describes it, with all its shots
let edits = null;
let slider; // the frame on the stage
let strip;
let timer = null;
let shownAt = null; // the frame that showFrame() has shown
let showColors;
let asking = false; // whether a request for the stage's colors is running
let again = false;
let behind = false; // whether the server lacks the latest edits
let sending = null; // a promise, while the server is sent the edits

export async function startFilms() {
  find(".stage-place").append(stage.element);
  showColors = makeColors(find(".colors"), change);
  find(".path").hidden = !settings.opens;
  const isShown = () => film && !byId("films").hidden;
  slider = new FrameSlider(stage, { moved: showFrame, rested: look, isShown });
  const looks = {
    version: (index, frame) => versionOf(film.shots, edits.now, index, frame),
    marks: (index) => marksOf(film.shots, edits.now, index),
  };
  strip = new FilmStrip(find(".shots"), { choose: (frame) => slider.go(frame), busy: () => asking || behind, ...looks });
  const desk = { film: () => film, at: () => slider.at, edits: () => edits.now, change, go: (frame) => slider.go(frame), stage };
  startHints(desk);
  startKeyframes(desk);
  startOutput({ film: () => film, planned: describe });
  startJob({ film: () => film, told: describe, sent: send });
  startPlayer();
  listen();
  stepByKeys(isShown, step);
  addEventListener("beforeunload", (event) => film && (sending || behind) && event.preventDefault());
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
}

// Opening

// notes : messages about other files
export async function uploadFilm(file, notes = []) {
  dismiss();
  showNotes(notes);
  const bar = byId("film-upload");
  bar.hidden = false;
  await open(upload("/films", file, (share) => showShare(bar, share)));
  bar.hidden = true;
}

// Takes pictures that were dropped on an open film: colored copies of its frames. Returns whether it did.
export function takePictures(files, target) {
  if (!film || byId("films").hidden) return false;
  const on = target.closest?.("[data-frame]");
  addKeyframes(files, on ? Number(on.dataset.frame) : slider.at);
  return true;
}

async function open(answer, { quiet = false } = {}) {
  try {
    const found = await answer;
    if (!(await settle())) return false;
    film = found instanceof Response ? await found.json() : found;
  } catch (error) {
    sessionStorage.removeItem(KEPT);
    if (!quiet) complain(error);
    return false;
  }
  calm();
  sessionStorage.setItem(KEPT, film.id);
  edits = new Edits(keptEdits());
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

// Returns the film's edits, with the steps that this tab has kept before a reload.
function keptEdits() {
  const now = film.values.edits ?? { hints: [], references: {}, shots: {}, keyframes: {} };
  const { id, past } = JSON.parse(sessionStorage.getItem(STEPS) ?? "{}");
  return { now, past: id === film.id ? past : [] };
}

function facts() {
  const minutes = Math.floor(film.seconds / 60);
  const seconds = String(Math.floor(film.seconds % 60)).padStart(2, "0");
  return say("facts", { time: `${minutes}:${seconds}`, frames: film.frames, width: film.width, height: film.height });
}

// Sends the edits that wait. Returns whether the film can be left: not while the server is out of reach, as they would be
// lost; those that it refuses are.
async function settle() {
  try {
    if (film) await send();
  } catch (error) {
    complain(error);
    return Boolean(error.status);
  }
  return true;
}

async function leaveFilm() {
  if (!(await settle())) return;
  clearTimeout(timer);
  sessionStorage.removeItem(KEPT);
  film = null;
  slider.close();
  openPlayer(null);
  stopChoosing();
  find(".film").hidden = true;
  find(".opening").hidden = false;
  await showOpenFilms().catch(complain);
}

async function showOpenFilms() {
  const films = await (await ask("/films")).json();
  byId("open-films").replaceChildren(
    ...films.map(({ id, name, state, path }) => {
      const button = make("button", { textContent: name, title: path ?? "" });
      button.append(make("span", { textContent: state ? say(`state_${state}`) : "" }));
      button.addEventListener("click", () => open(id ? ask(`/films/${id}`) : post("/films/open", { path })));
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
  byId("film-warnings").replaceChildren(...film.warnings.map((text) => make("li", { textContent: inWords(text) })));
  strip.update(film.shots);
  showFrame();
  clearTimeout(timer);
  if (working || ["waiting", "running"].includes(film.analysis.state)) timer = setTimeout(refresh, POLL_MS);
}

// Shots and frames

const shotAt = (frame) => shotOf(film.shots, frame);
const editsOf = (index) => editsOfShot(film.shots, edits.now, index);

// Shows what belongs to the frame on the stage.
function showFrame() {
  const index = shotAt(slider.at);
  const shot = film.shots[index];
  if (slider.at !== shownAt) stopChoosing();
  shownAt = slider.at;
  stage.hints = hintsHere();
  strip.mark(slider.at, index);
  byId("shot-title").textContent = shot ? say("shot", { number: index + 1, total: film.shots.length }) : say("shot_unknown");
  for (const one of find(".shot").querySelectorAll(".tools button, #shot-reference")) one.disabled = !shot;
  for (const button of find(".shot .tools").querySelectorAll("[data-wanted]")) {
    button.setAttribute("aria-checked", button.dataset.wanted === wantedOf(edits.now, index));
    if (!button.dataset.wanted) button.title = say(shot?.color ? "has_color" : "has_no_color");
  }
  const reference = edits.now.references[index + 1];
  byId("shot-reference-shown").hidden = !reference;
  byId("shot-reference-shown").textContent = `${edits.now.names?.[reference] ?? ""} ×`;
  byId("film-clear").disabled = !shot || !editsOf(index).hints.length;
  showKeyframe(shot && editsOf(index).keys.length > 0);
  showMarks(film, edits.now, shot, slider.at, (frame) => slider.go(frame));
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

function showEdits() {
  behind = true;
  sessionStorage.setItem(STEPS, JSON.stringify({ id: film.id, past: edits.kept.past }));
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
      await send();
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

// Sends the edits, if the server lacks them; resolves when it has the latest. What cannot be sent is sent the next time.
function send() {
  if (!sending && behind) sending = sendAll();
  return sending;
}

async function sendAll() {
  try {
    while (behind) {
      behind = false; // before the request, as there may be further edits during it
      await post(`/films/${film.id}/guidance`, guidance());
    }
  } catch (error) {
    behind = true;
    throw error;
  } finally {
    sending = null;
  }
}

function guidance() {
  const { hints, names, keyframes = {}, ...rest } = edits.now;
  const ids = Object.fromEntries(Object.entries(keyframes).map(([frame, { id }]) => [frame, id]));
  return { ...rest, keyframes: ids, hints: written(hints), edits: edits.now };
}

async function chooseReference(event) {
  const [file] = event.target.files;
  const [opened, number] = [film.id, shotAt(slider.at) + 1];
  event.target.value = "";
  calm();
  try {
    const { id } = await upload("/references", file);
    if (film?.id !== opened) return;
    const { references, names } = edits.now;
    change({ references: { ...references, [number]: id }, names: { ...names, [id]: file.name } });
  } catch (error) {
    complain(error);
  }
}
