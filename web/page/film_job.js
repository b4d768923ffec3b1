// A film's job: started, stopped, resumed, and how far it is.

import { isPlanned } from "/film_output.js";
import { refreshPlayer } from "/film_player.js";
import { calm, complain, inWords, post } from "/server.js";
import { say } from "/words.js";

const byId = (id) => document.getElementById(id);
let desk; // {film(), told(film), sent()}: sent() resolves when the server has the edits

export function startJob(with_) {
  desk = with_;
  byId("start").addEventListener("click", () => start({}));
  byId("restart").addEventListener("click", () => start({ restart: desk.film().job.state === "failed" }));
  byId("stop").addEventListener("click", () => tell("stop"));
}

// Starts the job once the server has what it reads.
async function start(values) {
  try {
    await desk.sent();
  } catch (error) {
    return complain(error);
  }
  if (await isPlanned()) await tell("start", values);
}

async function tell(what, values) {
  calm();
  try {
    desk.told(await (await post(`/films/${desk.film().id}/${what}`, values)).json());
  } catch (error) {
    complain(error);
  }
}

export function showShare(bar, share) {
  bar.hidden = false;
  bar.firstElementChild.style.width = `${Math.round(share * 100)}%`;
  bar.setAttribute("aria-valuenow", Math.round(share * 100));
}

const isOn = ({ state }) => ["waiting", "running"].includes(state);

// Shows the state of a job; returns whether it is waiting or running.
export function showJob(film) {
  const { job, analysis } = film;
  const working = isOn(job);
  const bar = document.querySelector("#job .bar");
  const progress = working ? job : analysis;
  bar.hidden = !working && !isOn(analysis);
  if (!bar.hidden) showShare(bar, progress.total ? progress.done / progress.total : 0);
  byId("job-text").textContent = jobText(film, working);
  byId("start").hidden = working || film.finished;
  byId("start").textContent = say(job.state === "stopped" ? "continue" : "start");
  byId("stop").hidden = !working;
  byId("restart").hidden = working || !(film.finished || job.state === "failed");
  byId("restart").textContent = say(film.finished ? "again" : "restart");
  const written = film.finished && !working;
  byId("film-download").hidden = !written;
  byId("film-download").href = `/films/${film.id}/file`;
  byId("job-target").textContent = say(written ? "target" : "target_planned", { path: film.target });
  refreshPlayer(film, working);
  return working;
}

function jobText(film, working) {
  const { job, analysis } = film;
  if (job.state === "waiting") return say("films_before", { count: film.before });
  if (working) {
    const parts = [say("frames_of", { done: job.done, total: job.total })];
    if (job.fps) parts.push(say("fps", { fps: job.fps.toFixed(1) }));
    if (job.left_s != null) parts.push(say("left", { time: duration(job.left_s) }));
    return `${say(job.work)} · ${parts.join(" · ")}`;
  }
  if (job.state === "failed") return inWords(job.error);
  if (film.finished) return say("finished");
  if (job.state === "stopped") return say("state_stopped");
  if (isOn(analysis)) return say("analyzing", { done: analysis.done, total: analysis.total || film.frames });
  return analysis.error ? inWords(analysis.error) : "";
}

function duration(seconds) {
  const whole = Math.round(seconds);
  const pad = (value) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}
