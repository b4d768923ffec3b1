// Plays a film while it is made: its finished parts, in order, one after another; then the finished film.

import { ask } from "/server.js";
import { say } from "/words.js";

const byId = (id) => document.getElementById(id);
const video = byId("player");
let film = null;
let parts = []; // finished ones, as the server lists them
let part = null; // the one that is played
let begins_s = 0; // of the first one
let waiting = false; // for the next part
let prepared = 0; // the latest part that the server was asked to write ahead
let runs = 0; // of the job, which each may write another result
let works = false;
let asked = 0; // number of the latest question what is ready

export function startPlayer() {
  video.addEventListener("ended", next);
  video.addEventListener("loadeddata", () => (byId("watch").hidden = false));
}

export function openPlayer(opened) {
  asked += 1;
  film = opened;
  parts = [];
  part = null;
  waiting = false;
  prepared = 0;
  show("");
}

// Refreshes what can be played.
export async function refreshPlayer(now, working) {
  const number = (asked += 1);
  film = now;
  video.style.aspectRatio = film.ratio;
  if (working && !works) runs += 1;
  works = working;
  if (film.finished && !working) return showResult();
  const wanted = working || film.job.state === "stopped";
  const found = wanted ? await ask(`/films/${film.id}/parts`).then((answer) => answer.json()).catch(() => []) : [];
  if (number !== asked) return;
  if (!wanted) show("");
  if (!found.length) return; // not begun, or just finished
  parts = found;
  if (!part && parts[0].part === 0) {
    begins_s = parts[0].begins_s;
    play(parts[0], false);
  }
  if (waiting) next();
  prepare();
  tell();
}

// Lets the server write the next part while this one is played.
function prepare() {
  const following = part && nextPart();
  if (!following || following.part === prepared) return;
  prepared = following.part;
  ask(`/films/${film.id}/parts/${prepared}`, { method: "HEAD" }).catch(() => {});
}

const nextPart = () => parts.find((one) => one.part === part.part + 1);

// Goes on where the parts were watched.
function showResult() {
  const path = `/films/${film.id}/file?show=${runs}`;
  if (video.getAttribute("src") === path) return;
  const [from, playing] = [part ? part.begins_s - begins_s + video.currentTime : 0, part && (waiting || !video.paused)];
  part = null;
  waiting = false;
  show(path);
  byId("watch-text").textContent = "";
  video.currentTime = from;
  if (playing) video.play().catch(() => {});
}

function show(path) {
  if ((video.getAttribute("src") ?? "") === path) return;
  if (path) {
    video.src = path;
  } else {
    video.removeAttribute("src");
    video.load();
    byId("watch").hidden = true;
  }
}

function play(chosen, on) {
  part = chosen;
  waiting = false;
  show(`/films/${film.id}/parts/${part.part}`);
  if (on) video.play().catch(() => {});
  prepare();
  tell();
}

function next() {
  if (!part) return;
  const following = nextPart();
  if (following) play(following, true);
  else waiting = true;
  tell();
}

function tell() {
  if (!part) return;
  const values = { part: part.part + 1, count: parts.length };
  byId("watch-text").textContent = say(waiting ? "watch_waiting" : "watch_part", values);
}
