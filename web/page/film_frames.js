// The frame on the stage: any frame of the film by a slider, its buttons and keys; gray at once, in color when it rests.

import { ask, complain } from "/server.js";
import { say } from "/words.js";

const RESTS_MS = 250; // after the last step, the color is asked for
const byId = (id) => document.getElementById(id);

export class FrameSlider {
  at = 0;
  #film = null;
  #shown = null; // the frame whose gray picture is on the stage
  #loading = false;
  #rest = null;

  // desk: {moved(), rested(), isShown()}: called for each other frame, and when one is looked at.
  constructor(stage, desk) {
    this.stage = stage;
    this.desk = desk;
    this.slider = byId("scrubber");
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
    byId("frame-before").addEventListener("click", (event) => this.step(event.shiftKey ? -10 : -1));
    byId("frame-after").addEventListener("click", (event) => this.step(event.shiftKey ? 10 : 1));
    document.addEventListener("keydown", (event) => this.#key(event));
  }

  open(film) {
    this.#film = film;
    this.#shown = null;
    [this.slider.min, this.slider.max] = [film.first, film.last - 1];
    this.at = film.first;
    byId("frame-shown").textContent = "";
  }

  close() {
    this.#film = null;
    clearTimeout(this.#rest);
  }

  step(by) {
    this.go(this.at + by);
  }

  go(frame) {
    this.at = Math.min(Math.max(frame, this.#film.first), this.#film.last - 1);
    this.slider.value = this.at;
    this.desk.moved();
    this.#load();
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.#film && this.desk.rested(), RESTS_MS);
  }

  // Loads one gray picture at a time, the latest that is wanted.
  async #load() {
    if (this.#loading) return;
    this.#loading = true;
    while (this.#film && this.#shown !== this.at) {
      const [film, frame] = [this.#film, this.at];
      try {
        const answer = await ask(`/films/${film.id}/frames/${frame}/gray`);
        const blob = await answer.blob();
        if (film !== this.#film) continue;
        this.#show(film, URL.createObjectURL(blob));
        this.#shown = frame;
        const text = say("frame_shown", { frame, time: answer.headers.get("X-Time") });
        byId("frame-shown").textContent = text;
        this.slider.setAttribute("aria-valuetext", text);
      } catch (error) {
        complain(error);
        break;
      }
    }
    this.#loading = false;
  }

  // Shows another gray picture, at the same zoom unless the film is another.
  #show(film, url) {
    const { gray, colorImage } = this.stage;
    const before = gray.src;
    if (this.#shown === null) this.stage.show(url, film);
    gray.src = url;
    if (before.startsWith("blob:")) URL.revokeObjectURL(before);
    if (colorImage.src.startsWith("blob:")) URL.revokeObjectURL(colorImage.src);
    colorImage.removeAttribute("src");
    this.stage.overlay.hidden = true;
  }

  // Arrows step where nothing else takes them: on the slider, the strip and the empty page; "," and "." everywhere.
  #key(event) {
    const { target, key } = event;
    if (!this.#film || !this.desk.isShown() || event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.closest(".chooser, dialog, select, textarea, input:not([type=range])")) return;
    const free = target === document.body || target.closest("#scrubber, .shots, #timeline");
    const by = { ",": -1, ".": 1, "<": -10, ">": 10 }[key] ?? (free && { ArrowLeft: -1, ArrowRight: 1 }[key]);
    if (!by) return;
    event.preventDefault();
    this.step(event.shiftKey && Math.abs(by) === 1 ? by * 10 : by);
  }
}
