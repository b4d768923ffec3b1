// The photos tab.

import { asked as askedColors, chooseColor, notChoosing, stopChoosing } from "/chooser.js";
import { makeColors } from "/colors.js";
import { startDownloads } from "/downloads.js";
import { Edits, stepByKeys, written } from "/edits.js";
import { ask, calm, complain, dismiss, post, showNotes, upload } from "/server.js";
import { forget, keep, leave, recall, showKept, startKept } from "/kept.js";
import { refreshKnown, startKnown } from "/known.js";
import { refreshLooks, showLooks, startLooks } from "/looks.js";
import { armBy, receive } from "/picker.js";
import { addPlace, fillPlace, isUploading, showShare, showThumbnail } from "/photo_strip.js";
import { startSecond } from "/second.js";
import { Stage } from "/stage.js";
import { inWords, make, say, tell } from "/words.js";

const UPLOADS = 2; // at once
const TOOLS = ["point", "brush", "eraser"];
const PROJECT = /\.zip$/i;
const find = (selector) => document.querySelector(`#photos ${selector}`);
const stage = new Stage();
let photos = []; // {id, name, width, height, edits, thumbnail}
let current = null;
let showColors;
let asked = null; // the photo that is being colorized
let again = false; // whether its edits have changed meanwhile
let failed = false; // whether its colors could not be computed
let coloring = false; // whether thumbnails of other photos are being colored

export async function startPhotos() {
  find(".stage-place").append(stage.element);
  showColors = makeColors(find(".colors"), change, { mood: false });
  startLooks({ photo: () => current, edits: () => sentEdits(current), change, busy: () => Boolean(asked), idle: () => !coloring && !isUploading() });
  startSecond();
  startDownloads({ photos: () => photos, current: () => current, edits: sentEdits });
  startKnown({ stage, asked: () => current && { path: `/photos/${current.id}`, edits: sentEdits(current) } });
  startKept({ state: () => ({ photos, current }), uploading: isUploading, open: openKept });
  listen();
  if (!(await recall())) await showKept();
}

function listen() {
  for (const files of document.querySelectorAll("#photo-files, .strip .add input")) {
    files.addEventListener("change", () => addFiles([...files.files]).finally(() => (files.value = "")));
  }
  stage.addEventListener("place", ({ detail }) => placeHint(detail));
  stage.addEventListener("pick", ({ detail }) => pickHint(detail));
  stage.addEventListener("zoomed", stopChoosing);
  stage.addEventListener("look", ({ detail }) => showPart(detail));
  stage.addEventListener("remove", ({ detail }) => removeHint(detail));
  stage.addEventListener("move", ({ detail: { index, x, y } }) => {
    const hints = current.edits.now.hints.map((hint, i) => (i === index ? { ...hint, x, y } : hint));
    change({ hints });
  });
  stage.addEventListener("stroke", ({ detail }) => change({ strokes: [...current.edits.now.strokes, detail] }));
  stage.addEventListener("erase", ({ detail }) => erase(detail));
  for (const button of document.querySelectorAll("#photos [data-tool]")) {
    button.addEventListener("click", () => chooseTool(button.dataset.tool));
    button.addEventListener("keydown", (event) => {
      const way = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!way) return;
      event.preventDefault();
      const next = TOOLS[(TOOLS.indexOf(button.dataset.tool) + way + TOOLS.length) % TOOLS.length];
      chooseTool(next);
      find(`[data-tool=${next}]`).focus();
    });
  }
  chooseTool("point");
  const color = document.getElementById("brush-color");
  color.addEventListener("input", () => (stage.brush.color = color.value));
  armBy(document.getElementById("brush-pick"));
  receive((taken) => {
    stage.brush.color = color.value = taken;
    chooseTool("brush");
  });
  document.getElementById("brush-size").addEventListener("input", (event) => (stage.brush.share = event.target.value / 1000));
  document.getElementById("undo").addEventListener("click", () => step("undo"));
  document.getElementById("redo").addEventListener("click", () => step("redo"));
  document.getElementById("clear").addEventListener("click", () => change({ hints: [], ...changedStrokes([]) }));
  document.getElementById("same-for-all").addEventListener("click", sameForAll);
  document.getElementById("new-project").addEventListener("click", startAnew);
  document.getElementById("reference-file").addEventListener("change", chooseReference);
  document.getElementById("reference-shown").addEventListener("click", () => change({ reference: null, referenceName: null }));
  stepByKeys(() => current && !document.getElementById("photos").hidden, step);
}

// Uploads

// notes : messages about these and other files, which are shown together
export async function addFiles(files, notes = []) {
  dismiss();
  showNotes(notes);
  const projects = files.filter((file) => PROJECT.test(file.name));
  for (const file of projects) await openProject(file);
  files = files.filter((file) => !projects.includes(file));
  if (!files.length) return;
  const waiting = files.slice();
  const places = new Map(files.map((file) => [file, addPlace(file.name)]));
  showDesk();
  const one = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) await addFile(file, places.get(file), notes);
  };
  await Promise.all(Array.from({ length: UPLOADS }, one));
}

async function addFile(file, place, notes) {
  try {
    const photo = await upload("/photos", file, (share) => showShare(place, share));
    add({ ...photo, edits: new Edits() }, place);
    keep();
    if (photo.pages > 1) notes.push(say("first_page", { name: photo.name, count: photo.pages }));
    if (!current) await select(photos.at(-1));
    else colorOthers();
  } catch (error) {
    place.remove();
    notes.push(inWords(error.message));
  }
  showDesk();
  showNotes(notes);
}

function add(photo, place) {
  photos.push(photo);
  photo.place = place;
  fillPlace(photo, { select: () => select(photo), remove: () => remove(photo) });
  showCount();
}

async function remove(photo) {
  photos = photos.filter((other) => other !== photo);
  photo.place.remove();
  forget(photo);
  showCount();
  ask(`/photos/${photo.id}`, { method: "DELETE" }).catch(() => {});
  if (photo !== current) return;
  current = null;
  if (photos.length) await select(photos[0]);
  else showDesk();
}

// Shows the desk while a photo is open or on its way, otherwise the start. What is uploaded belongs to the project that it
// was chosen for, so another one can be begun only afterwards.
function showDesk() {
  const started = Boolean(photos.length) || isUploading();
  const desk = find(".desk");
  document.getElementById("photos").classList.toggle("started", started);
  desk.hidden = !started;
  desk.classList.toggle("empty", !current);
  document.getElementById("new-project").disabled = isUploading();
  if (!started) showKept().catch(complain);
}

// Leaves the open photos, which stay kept, and shows the start again.
async function startAnew() {
  stopChoosing();
  await leave();
  for (const photo of photos) photo.place.remove();
  [photos, current] = [[], null];
  showCount();
  showDesk();
}

async function openKept(found, id) {
  const others = found.filter((one) => !photos.some((photo) => photo.id === one.id));
  for (const { edits, ...photo } of others) add({ ...photo, edits: new Edits(edits) }, addPlace(photo.name));
  await select(photos.find((photo) => photo.id === id) ?? photos[0]);
}

function showCount() {
  const all = document.getElementById("download-all");
  all.hidden = document.getElementById("same-for-all").hidden = photos.length < 2;
  all.textContent = say("download_all", { count: photos.length });
  const ready = photos.filter((photo) => photo.colored).length;
  const count = find(".ready");
  count.hidden = ready === photos.length;
  count.textContent = say("ready", { ready, count: photos.length });
}

// Colors the thumbnails of photos that were not looked at yet, one at a time, whenever nothing else is asked.
async function colorOthers() {
  if (coloring) return;
  coloring = true;
  while (nextGray() && !asked) {
    await notChoosing();
    const photo = nextGray();
    if (!photo || asked) break;
    photo.colored = true;
    const whole = { x: 0, y: 0, width: photo.width, height: photo.height, px: 240 };
    try {
      const path = `/photos/${photo.id}/color?${new URLSearchParams(whole)}`;
      showThumbnail(photo, await (await post(path, sentEdits(photo))).blob());
    } catch (error) {
      complainOf(photo, error);
    }
    showCount();
  }
  coloring = false;
}

// Tells an error, unless its photo was closed meanwhile.
function complainOf(photo, error) {
  if (photos.includes(photo)) complain(error);
}

const nextGray = () => photos.find((photo) => !photo.colored);

// Gives all photos the color settings of this one; hints, strokes and candidates belong to their photo.
function sameForAll() {
  const { hints, strokes, candidate, ...settings } = current.edits.now;
  for (const photo of photos.filter((one) => one !== current)) changeOf(photo, { ...cleared(photo.edits.now), ...settings });
}

// Returns the color settings of edits, all as released.
function cleared({ hints, strokes, candidate, ...settings }) {
  return Object.fromEntries(Object.keys(settings).map((name) => [name, null]));
}

// A photo's colors

async function select(photo) {
  calm();
  stopChoosing();
  current = photo;
  showDesk();
  keep();
  for (const other of photos) other.place.classList.toggle("current", other === photo);
  stage.show(`/photos/${photo.id}/gray`, photo);
  showLooks();
  await showEdits();
}

function change(changes, like) {
  changeOf(current, changes, like);
}

// Changes the edits of a photo, whether it is shown or not.
function changeOf(photo, changes, like) {
  photo.edits.change(changes, like);
  keep(photo);
  if (photo === current) return act();
  photo.colored = false;
  showCount();
  colorOthers();
}

function step(way) {
  current.edits[way]();
  keep(current);
  act();
}

// Shows what was just edited, without the error of an action before.
function act() {
  calm();
  return showEdits();
}

// Returns a photo's edits, as sent to the server.
function sentEdits(photo) {
  const { hints, referenceName, ...rest } = photo.edits.now;
  return { ...rest, hints: written(hints) };
}

async function showEdits() {
  const { now, past, future } = current.edits;
  stage.hints = now.hints;
  stage.strokes = now.strokes;
  document.getElementById("undo").disabled = !past.length;
  document.getElementById("redo").disabled = !future.length;
  document.getElementById("clear").disabled = !now.hints.length && !now.strokes.length;
  showColors(now);
  const chip = document.getElementById("reference-shown");
  chip.hidden = !now.reference;
  chip.textContent = `${now.referenceName ?? ""} ×`;
  refreshLooks();
  await colorize();
}

// Sends one request at a time, and one more if the edits have changed meanwhile.
async function colorize() {
  again = true;
  if (asked) return;
  stage.busy = true;
  while (again && current) {
    again = false;
    asked = current;
    asked.colored = true; // before the request, as the edits may change during it
    try {
      const blob = await (await post(`/photos/${asked.id}/color`, sentEdits(asked))).blob();
      if (asked === current) {
        stage.color = URL.createObjectURL(blob);
        if (!again) await showColorPart(stage.seen);
      }
      showThumbnail(asked, blob);
      if (!again) await refreshKnown();
      if (failed) calm();
      failed = false;
    } catch (error) {
      failed = true;
      complainOf(asked, error);
    }
  }
  asked = null;
  stage.busy = false;
  if (current) tell(say("told", { name: current.name, hints: current.edits.now.hints.length, strokes: current.edits.now.strokes.length }));
  showCount();
  colorOthers();
}

// Shows the seen part of a photo with its own pixels, in gray at once, and in color as soon as it is there.
async function showPart(seen) {
  if (!current || !seen) {
    for (const kind of ["gray", "color"]) stage.showPart(kind, null, null);
    return;
  }
  const photo = current;
  stage.showPart("gray", `/photos/${photo.id}/gray?${new URLSearchParams(seen)}`, seen);
  if (!asked) await showColorPart(seen).catch((error) => complainOf(photo, error)); // else it follows
}

async function showColorPart(seen) {
  const photo = current;
  const same = () => photo === current && JSON.stringify(seen) === JSON.stringify(stage.seen);
  if (!seen) return;
  const path = `/photos/${photo.id}/color?${new URLSearchParams(seen)}`;
  const blob = await (await post(path, sentEdits(photo))).blob();
  if (same()) stage.showPart("color", URL.createObjectURL(blob), seen);
}

async function placeHint(at) {
  const photo = current;
  const color = await chooseColor(stage.placeOnScreen(at), { likely: at.colors ?? likelyColors(photo, at), shown: shownColors(photo, at) });
  if (color && photo === current) change({ hints: [...photo.edits.now.hints, { x: at.x, y: at.y, color }] });
}

async function pickHint(index) {
  const photo = current;
  const hint = photo.edits.now.hints[index];
  const likely = likelyColors(photo, hint);
  const color = await chooseColor(stage.placeOnScreen(hint), { likely, current: hint.color, shown: shownColors(photo, hint) });
  if (!color || photo !== current) return;
  if (color === "remove") removeHint(index);
  else change({ hints: photo.edits.now.hints.map((one, i) => (i === index ? { ...one, color } : one)) });
}

// Keeps what an eraser has left, an array for each stroke before.
function erase(left) {
  const before = current.edits.now.strokes;
  if (left.some((parts, i) => parts.length !== 1 || parts[0] !== before[i])) change(changedStrokes(left));
}

// Returns the edits for strokes, given as an array for each one before; a candidate says how many of them it was found with.
function changedStrokes(left) {
  const { candidate } = current.edits.now;
  const count = left.slice(0, candidate?.strokes ?? 0).flat().length;
  return { strokes: left.flat(), ...(candidate ? { candidate: { ...candidate, strokes: count } } : {}) };
}

function removeHint(index) {
  change({ hints: current.edits.now.hints.filter((_, i) => i !== index) });
}

async function likelyColors(photo, at) {
  return (await ask(`/photos/${photo.id}/likely?${placeIn(photo, at)}`)).json();
}

function placeIn(photo, { x, y }) {
  return `x=${(x + 0.5) / photo.width}&y=${(y + 0.5) / photo.height}`;
}

// Returns a function that tells what colors become at a place.
function shownColors(photo, at) {
  return async (colors) => (await ask(`/photos/${photo.id}/shown?${placeIn(photo, at)}&${askedColors(colors)}`)).json();
}

function chooseTool(tool) {
  stage.tool = tool;
  for (const button of document.querySelectorAll("#photos [data-tool]")) {
    button.setAttribute("aria-checked", button.dataset.tool === tool);
    button.tabIndex = button.dataset.tool === tool ? 0 : -1;
  }
  find(".brush").hidden = tool === "point";
  for (const id of ["brush-color", "brush-pick"]) document.getElementById(id).hidden = tool !== "brush";
  document.getElementById("how").textContent = say({ point: "how", brush: "how_brush", eraser: "how_eraser" }[tool]);
  stage.element.classList.toggle("brushing", tool !== "point");
}

async function chooseReference(event) {
  const [file] = event.target.files;
  const photo = current;
  event.target.value = "";
  calm();
  try {
    const { id } = await upload("/references", file);
    if (photos.includes(photo)) changeOf(photo, { reference: id, referenceName: file.name });
  } catch (error) {
    complain(error);
  }
}

async function openProject(file) {
  const place = addPlace(file.name);
  showDesk();
  try {
    const { photos: found, failed } = await upload("/projects", file, (share) => showShare(place, share));
    for (const { edits, ...photo } of found) {
      add({ ...photo, edits: new Edits(edits) }, addPlace(photo.name));
      keep(photos.at(-1));
    }
    showNotes(failed.map(inWords));
    keep();
    if (!current && photos.length) await select(photos[0]);
  } catch (error) {
    complain(error, { lasts: true });
  } finally {
    place.remove();
    showDesk();
  }
}
