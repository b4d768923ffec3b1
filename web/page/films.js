// The films tab: one film, its shots, and its job.

import { asked, chooseColor, stopChoosing } from "/chooser.js";
import { makeColors } from "/colors.js";
import { Edits, stepByKeys, written } from "/edits.js";
import { ask, calm, complain, post, upload } from "/server.js";
import { settings } from "/settings.js";
import { Stage } from "/stage.js";
import { make, say } from "/words.js";

const KEPT = "colorizer.film"; // in the tab's own memory
const POLL_MS = 1000;

const find = (selector) => document.querySelector(`#films ${selector}`);
const byId = (id) => document.getElementById(id);
const stage = new Stage();
let film = null; // as the server describes it
let edits = null;
let chosen = 0; // the shot on the stage
let versions = []; // for each shot: the edits that its picture was made with
let timer = null;
let showColors;
let asking = false; // whether a request for the stage's colors is running
let again = false;
let behind = false; // whether the server lacks the latest edits

export async function startFilms() {
  find(".stage-place").append(stage.element);
  showColors = makeColors(find(".colors"), change);
  find(".path").hidden = !settings.opens;
  listen();
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
  byId("start").addEventListener("click", () => tell("start"));
  byId("restart").addEventListener("click", () => tell("start", { restart: film.job.state === "failed" }));
  byId("stop").addEventListener("click", () => tell("stop"));
  byId("film-undo").addEventListener("click", () => step("undo"));
  byId("film-redo").addEventListener("click", () => step("redo"));
  byId("film-clear").addEventListener("click", () => change({ hints: edits.now.hints.filter((hint) => hint.shot !== chosen) }));
  byId("shot-reference").addEventListener("change", chooseReference);
  byId("shot-reference-shown").addEventListener("click", () => change({ references: without(edits.now.references, chosen + 1) }));
  for (const button of find(".shot .tools").querySelectorAll("[data-wanted]")) {
    button.addEventListener("click", () => want(button.dataset.wanted));
  }
  stage.addEventListener("place", ({ detail }) => placeHint(detail));
  stage.addEventListener("pick", ({ detail }) => pickHint(shown()[detail]));
  stage.addEventListener("remove", ({ detail }) => exchange(shown()[detail], []));
  stage.addEventListener("move", ({ detail: { index, x, y } }) => exchange(shown()[index], [{ ...shown()[index], x, y }]));
  stepByKeys(() => film && !byId("films").hidden, step);
}

// Opening

export async function uploadFilm(file) {
  calm();
  const bar = byId("film-upload");
  bar.hidden = false;
  await open(upload("/films", file, (share) => showShare(bar, share)));
  bar.hidden = true;
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
  edits = new Edits({ now: film.values.edits ?? { hints: [], references: {}, shots: {} } });
  chosen = 0;
  versions = [];
  find(".shots").replaceChildren();
  find(".opening").hidden = true;
  find(".film").hidden = false;
  byId("film-name").textContent = film.name;
  byId("film-facts").textContent = facts();
  byId("film-text").textContent = film.text;
  byId("film-warnings").replaceChildren(...film.warnings.map((textContent) => make("li", { textContent })));
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
  const id = film.id;
  try {
    const now = await (await ask(`/films/${id}`)).json();
    if (film?.id !== id) return;
    film = now;
    calm();
  } catch (error) {
    complain(error);
    if (error.status === 404) return leaveFilm();
  }
  show();
}

function show() {
  const before = find(".shots").childElementCount;
  showJob();
  showShots();
  if (!before && film.shots.length) choose(0);
  find(".stage-place").hidden = byId("shot").hidden = !film.shots.length;
  clearTimeout(timer);
  const works = [film.analysis, film.job].some(({ state }) => ["waiting", "running"].includes(state));
  if (works) timer = setTimeout(refresh, POLL_MS);
}

function showShare(bar, share) {
  bar.hidden = false;
  bar.firstElementChild.style.width = `${Math.round(share * 100)}%`;
  bar.setAttribute("aria-valuenow", Math.round(share * 100));
}

function showJob() {
  const { job, analysis } = film;
  const working = ["waiting", "running"].includes(job.state);
  const bar = find("#job .bar");
  const analyzing = ["waiting", "running"].includes(analysis.state);
  const progress = working ? job : analysis;
  bar.hidden = !working && !analyzing;
  if (!bar.hidden) showShare(bar, progress.total ? progress.done / progress.total : 0);
  byId("job-text").textContent = jobText(working, analyzing);
  byId("start").hidden = working || film.finished;
  byId("start").textContent = say(job.state === "stopped" ? "continue" : "start");
  byId("stop").hidden = !working;
  byId("restart").hidden = working || !(film.finished || job.state === "failed");
  byId("restart").textContent = say(film.finished ? "again" : "restart");
  const download = byId("film-download");
  download.hidden = working || !film.finished;
  download.href = `/films/${film.id}/file`;
  byId("job-target").textContent = say("target", { path: film.target });
  showLatest(working);
  showResult(!download.hidden);
}

// Plays the result if the browser can; otherwise the user downloads it.
function showResult(on) {
  const video = byId("result");
  const source = on ? `/films/${film.id}/file?show` : "";
  if ((video.getAttribute("src") ?? "") === source) return;
  video.hidden = true;
  video.onloadeddata = () => (video.hidden = false);
  if (source) video.src = source;
  else video.removeAttribute("src");
}

function jobText(working, analyzing) {
  const { job, analysis } = film;
  if (job.state === "waiting") return say("films_before", { count: film.before });
  if (working) {
    const parts = [say("frames_of", { done: job.done, total: job.total })];
    if (job.fps) parts.push(say("fps", { fps: job.fps.toFixed(1) }));
    if (job.left_s != null) parts.push(say("left", { time: duration(job.left_s) }));
    return `${say(job.work)} · ${parts.join(" · ")}`;
  }
  if (job.state === "failed") return job.error;
  if (film.finished) return say("finished");
  if (job.state === "stopped") return say("state_stopped");
  if (analyzing) return say("analyzing", { done: analysis.done, total: analysis.total || film.frames });
  return analysis.error || "";
}

function duration(seconds) {
  const whole = Math.round(seconds);
  const pad = (value) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}

async function showLatest(working) {
  const image = byId("latest");
  if (!working || !film.job.done) {
    image.hidden = !working || !image.src;
    return;
  }
  const blob = await ask(`/films/${film.id}/latest?${film.job.done}`).then((answer) => answer.blob()).catch(() => null);
  if (!blob?.size) return;
  if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(blob);
  image.hidden = false;
}

async function tell(what, values) {
  calm();
  try {
    film = await (await post(`/films/${film.id}/${what}`, values)).json();
  } catch (error) {
    complain(error);
  }
  show();
}

// Shots

function showShots() {
  const list = find(".shots");
  for (const [index, shot] of film.shots.entries()) {
    const item = list.children[index] ?? list.appendChild(makeShot(index, shot));
    const mine = JSON.stringify(guidanceOf(index));
    if (versions[index] !== mine) {
      versions[index] = mine;
      item.querySelector("img").src = `/films/${film.id}/shots/${index + 1}/color?v=${encodeURIComponent(mine).slice(0, 800)}`;
    }
    const marks = [wanted(index) && say(wanted(index) === "leave" ? "leave" : "paint")];
    const count = edits.now.hints.filter((hint) => hint.shot === index).length;
    if (count) marks.push(say("hints_count", { count }));
    item.querySelector(".marks").textContent = marks.filter(Boolean).join(" · ");
    item.classList.toggle("current", index === chosen);
  }
}

function makeShot(index, shot) {
  const image = make("img", { loading: "lazy", alt: "" });
  image.style.aspectRatio = film.ratio;
  const caption = make("span", { textContent: `${index + 1} · ${shot.time}` });
  const button = make("button", {}, image, caption, make("span", { className: "marks" }));
  button.setAttribute("aria-label", say("shot", { number: index + 1, total: film.shots.length }));
  button.addEventListener("click", () => choose(index));
  return make("li", {}, button);
}

// The edits of one shot.
function guidanceOf(index) {
  const { hints, references, shots, names, ...rest } = edits.now;
  const own = hints.filter((hint) => hint.shot === index);
  return [written(own), references[index + 1] ?? null, wanted(index), rest];
}

function wanted(index) {
  return edits.now.shots[index + 1] ?? "";
}

function choose(index) {
  stopChoosing();
  chosen = index;
  stage.show(`/films/${film.id}/shots/${index + 1}/gray`, film);
  showEdits({ changed: false });
}

function shown() {
  return edits.now.hints.filter((hint) => hint.shot === chosen);
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
  const shots = without(edits.now.shots, chosen + 1);
  change({ shots: value ? { ...shots, [chosen + 1]: value } : shots });
}

function exchange(hint, others) {
  change({ hints: edits.now.hints.flatMap((one) => (one === hint ? others : [one])) });
}

async function showEdits({ changed = true } = {}) {
  const shot = film.shots[chosen];
  stage.hints = shown();
  showColors(edits.now);
  byId("shot-title").textContent = say("shot", { number: chosen + 1, total: film.shots.length });
  byId("film-undo").disabled = !edits.past.length;
  byId("film-redo").disabled = !edits.future.length;
  byId("film-clear").disabled = !shown().length;
  for (const button of find(".shot .tools").querySelectorAll("[data-wanted]")) {
    button.setAttribute("aria-checked", button.dataset.wanted === wanted(chosen));
    if (!button.dataset.wanted) button.title = say(shot?.color ? "has_color" : "has_no_color");
  }
  const reference = edits.now.references[chosen + 1];
  byId("shot-reference-shown").hidden = !reference;
  byId("shot-reference-shown").textContent = `${edits.now.names?.[reference] ?? ""} ×`;
  await colorize(changed);
}

// Sends the edits to the server, then requests the colors; repeats if the edits have changed meanwhile.
async function colorize(changed) {
  again = true;
  behind ||= changed;
  if (asking) return;
  asking = stage.busy = true;
  while (again && film) {
    again = false;
    const [id, shot] = [film.id, chosen];
    try {
      if (behind) {
        behind = false;
        await post(`/films/${id}/guidance`, guidance());
      }
      const blob = await (await ask(`/films/${id}/shots/${shot + 1}/color?large`)).blob();
      if (film?.id === id && shot === chosen) stage.color = URL.createObjectURL(blob);
      if (film?.id === id) showShots();
      calm();
    } catch (error) {
      complain(error);
    }
  }
  asking = stage.busy = false;
}

function guidance() {
  const { hints, names, ...rest } = edits.now;
  return { ...rest, hints: written(hints), edits: edits.now };
}

async function placeHint(at) {
  const shot = chosen;
  const color = await chooseColor(stage.placeOnScreen(at), { likely: likelyColors(at), shown: shownColors(at) });
  if (!color || shot !== chosen) return;
  change({ hints: [...edits.now.hints, { ...at, color, shot, at: `${film.shots[shot].frame}f` }] });
}

async function pickHint(hint) {
  const color = await chooseColor(stage.placeOnScreen(hint), { likely: likelyColors(hint), current: hint.color, shown: shownColors(hint) });
  if (color) exchange(hint, color === "remove" ? [] : [{ ...hint, color }]);
}

async function likelyColors(at) {
  return (await ask(placePath("likely", at))).json();
}

// Returns a function that tells what colors become at a place of the chosen shot.
function shownColors(at) {
  return async (colors) => (await ask(`${placePath("shown", at)}&${asked(colors)}`)).json();
}

function placePath(what, { x, y }) {
  return `/films/${film.id}/shots/${chosen + 1}/${what}?x=${(x + 0.5) / film.width}&y=${(y + 0.5) / film.height}`;
}

async function chooseReference(event) {
  const [file] = event.target.files;
  const shot = chosen;
  event.target.value = "";
  try {
    const { id } = await upload("/references", file);
    const { references, names } = edits.now;
    change({ references: { ...references, [shot + 1]: id }, names: { ...names, [id]: file.name } });
  } catch (error) {
    complain(error);
  }
}
