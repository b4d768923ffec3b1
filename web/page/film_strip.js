// The strip of a film: its shots, each with a few small frames, gray at once and in color whenever nothing else is asked.

import { ask } from "/server.js";
import { make, say } from "/words.js";

export class FilmStrip {
  #film = null;
  #items = []; // of each shot: {element, row, marks, key, frames: [{number, button, image, version}]}
  #inView = new Set();
  #coloring = false;

  // desk: {choose(frame), busy(), version(shot, frame), marks(shot)}: the version changes with the edits of a frame.
  constructor(list, desk) {
    this.list = list;
    this.desk = desk;
    this.observer = new IntersectionObserver((entries) => this.#scrolled(entries), { root: list, rootMargin: "0px 200px" });
    list.addEventListener("keydown", (event) => this.#key(event));
  }

  open(film) {
    this.#film = film;
    this.#items = [];
    this.#inView.clear();
    this.observer.disconnect();
    this.list.replaceChildren();
  }

  // Shows shots that are new or have grown, and the marks of all.
  update(shots) {
    for (const [index, shot] of shots.entries()) {
      const item = this.#items[index] ?? this.#add(index, shot);
      const key = shot.strip.join();
      if (item.key !== key) this.#fill(item, shot, key);
      const marks = this.desk.marks(index);
      if (item.marks.textContent !== marks) item.marks.textContent = marks;
    }
    this.colorize();
  }

  // Marks the shot and the small frame that are nearest to a frame.
  mark(frame, shot) {
    this.list.querySelector(".current")?.classList.remove("current");
    const near = this.list.querySelector("[aria-current]");
    near?.removeAttribute("aria-current");
    near?.setAttribute("tabindex", "-1");
    const item = this.#items[shot];
    if (!item) return;
    item.element.classList.add("current");
    const nearest = item.frames.toSorted((a, b) => Math.abs(a.number - frame) - Math.abs(b.number - frame))[0];
    nearest.button.setAttribute("aria-current", "true");
    nearest.button.tabIndex = 0;
    const [view, box] = [this.list.getBoundingClientRect(), item.element.getBoundingClientRect()];
    if (box.left < view.left || box.right > view.right) this.list.scrollLeft += box.left - view.left - 12;
  }

  #add(index, shot) {
    const row = make("div", { className: "frames" });
    const marks = make("span", { className: "marks" });
    const caption = make("p", {}, make("span", { textContent: `${index + 1} · ${shot.time}` }), marks);
    const element = make("li", {}, row, caption);
    const item = { element, row, marks, key: "", frames: [], index };
    element.item = item;
    this.#items[index] = item;
    this.list.append(element);
    this.observer.observe(element);
    return item;
  }

  #fill(item, shot, key) {
    const known = new Map(item.frames.map((one) => [one.number, one]));
    item.key = key;
    item.frames = shot.strip.map((number) => known.get(number) ?? this.#frame(item, number));
    item.row.replaceChildren(...item.frames.map((one) => one.button));
  }

  #frame(item, number) {
    const image = make("img", { loading: "lazy", alt: "", src: `/films/${this.#film.id}/frames/${number}/gray?small` });
    image.style.aspectRatio = this.#film.ratio;
    const button = make("button", { tabIndex: this.list.querySelector("button") ? -1 : 0 }, image);
    button.dataset.frame = number;
    button.setAttribute("aria-label", say("strip_frame", { shot: item.index + 1, frame: number }));
    button.addEventListener("click", () => this.desk.choose(number));
    return { number, button, image, version: null };
  }

  // The arrow keys up and down go from shot to shot; those to the sides, to the next frame, are the page's.
  #key(event) {
    const step = { ArrowUp: -1, ArrowDown: 1, PageUp: -1, PageDown: 1 }[event.key];
    const item = step && this.#items[event.target.closest("li").item.index + step];
    if (!item) return;
    event.preventDefault();
    item.frames[0].button.focus();
    this.desk.choose(item.frames[0].number);
  }

  #scrolled(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.#inView.add(target.item);
      else this.#inView.delete(target.item);
    }
    this.colorize();
  }

  // Colors the frames in view that are gray or have others' edits, one after another.
  async colorize() {
    if (this.#coloring) return;
    this.#coloring = true;
    for (let next = this.#next(); next && !this.desk.busy(); next = this.#next()) {
      const [film, { one, version }] = [this.#film, next];
      one.version = version; // also if it fails, which the picture on the stage tells
      const path = `/films/${film.id}/frames/${one.number}/color?small`;
      const blob = await ask(path).then((answer) => answer.blob()).catch(() => null);
      if (!blob || film !== this.#film) continue;
      if (one.image.src.startsWith("blob:")) URL.revokeObjectURL(one.image.src);
      one.image.src = URL.createObjectURL(blob);
    }
    this.#coloring = false;
  }

  #next() {
    for (const item of [...this.#inView].sort((a, b) => a.index - b.index)) {
      for (const one of item.frames) {
        const version = this.desk.version(item.index, one.number);
        if (one.version !== version) return { one, version };
      }
    }
    return null;
  }
}
