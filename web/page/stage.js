// One picture, gray and in color with a divider, on which hints are placed and strokes painted.
// All places are in pixels of the photo or the film frame.

import { fromTemplate, make, say } from "/words.js";

const STEP = 0.02; // share of the width by which an arrow key moves the cross

export class Stage extends EventTarget {
  tool = "point";
  brush = { color: "#b5482f", share: 0.014 }; // radius as a share of the long side
  size = { width: 1, height: 1 };
  #strokes = [];
  #cross = null;

  constructor() {
    super();
    this.element = fromTemplate("stage");
    const find = (selector) => this.element.querySelector(selector);
    this.pictures = find(".pictures");
    this.gray = find(".gray");
    this.colorImage = find(".color");
    this.overlay = find(".overlay");
    this.canvas = find(".strokes");
    this.markers = find(".markers");
    this.cross = find(".cross");
    this.divider = find(".divider");
    this.split = find(".split");
    this.busyBar = find(".busy");
    this.split.addEventListener("input", () => this.#showSplit());
    this.pictures.addEventListener("pointerdown", (event) => this.#pressed(event));
    this.pictures.addEventListener("keydown", (event) => this.#key(event));
    this.pictures.addEventListener("blur", () => (this.cross.hidden = !document.querySelector(".chooser")));
    this.divider.addEventListener("pointerdown", (event) => this.#slide(event));
    new ResizeObserver(() => this.#drawStrokes()).observe(this.pictures);
    this.#showSplit();
  }

  // Shows another picture; size : {width, height}, and its ratio where pixels are not square.
  show(grayUrl, size) {
    this.size = size;
    this.#cross = null;
    this.cross.hidden = true;
    this.gray.src = grayUrl;
    this.colorImage.removeAttribute("src");
    this.overlay.hidden = true;
    const ratio = size.ratio ?? size.width / size.height;
    this.pictures.style.aspectRatio = ratio;
    this.element.style.setProperty("--ratio", ratio);
  }

  set color(url) {
    const before = this.colorImage.src;
    this.colorImage.src = url;
    if (before.startsWith("blob:")) URL.revokeObjectURL(before);
  }

  set busy(on) {
    this.busyBar.hidden = !on;
  }

  set hints(hints) {
    this.cross.hidden = true;
    this.markers.replaceChildren(...hints.map((hint, index) => this.#marker(hint, index)));
  }

  set strokes(strokes) {
    this.#strokes = strokes;
    this.#drawStrokes();
  }

  // Returns the window position of a place of the picture, to show something beside it.
  placeOnScreen({ x, y }) {
    const box = this.pictures.getBoundingClientRect();
    return { x: box.left + (x / this.size.width) * box.width, y: box.top + (y / this.size.height) * box.height };
  }

  suggest(points) {
    this.markers.querySelectorAll(".suggested").forEach((element) => element.remove());
    for (const point of points) {
      const element = make("button", { className: "suggested", title: say("suggested") });
      element.setAttribute("aria-label", say("suggested"));
      this.#put(element, point);
      element.addEventListener("pointerdown", (event) => event.stopPropagation());
      element.addEventListener("click", () => this.#tell("place", point));
      this.markers.append(element);
    }
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #put(element, { x, y }) {
    element.style.left = `${((x + 0.5) / this.size.width) * 100}%`;
    element.style.top = `${((y + 0.5) / this.size.height) * 100}%`;
  }

  #marker(hint, index) {
    const element = make("button", { className: "marker" });
    element.style.setProperty("--color", hint.color.split("@")[0]);
    element.setAttribute("aria-label", say("hint", { number: index + 1, color: hint.color }));
    this.#put(element, hint);
    element.addEventListener("pointerdown", (event) => this.#drag(event, element, index));
    element.addEventListener("keydown", (event) => {
      if (event.key === "Delete" || event.key === "Backspace") this.#tell("remove", index);
      else if (event.key === "Enter" || event.key === " ") this.#tell("pick", index);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    return element;
  }

  // Asks for a hint at a place, and marks the place meanwhile.
  #placeAt(place) {
    this.#cross = place;
    this.#put(this.cross, place);
    this.cross.hidden = false;
    this.#tell("place", place);
  }

  #placeOf(event) {
    const box = this.pictures.getBoundingClientRect();
    const within = (share, length) => Math.min(Math.max(Math.floor(share * length), 0), length - 1);
    return {
      x: within((event.clientX - box.left) / box.width, this.size.width),
      y: within((event.clientY - box.top) / box.height, this.size.height),
    };
  }

  // Follows the pointer until it is lifted.
  #follow(event, moved, lifted = () => {}) {
    event.preventDefault();
    const target = event.currentTarget;
    target.setPointerCapture(event.pointerId);
    const end = (last) => {
      target.removeEventListener("pointermove", moved);
      target.removeEventListener("pointerup", end);
      target.removeEventListener("pointercancel", end);
      lifted(last);
    };
    target.addEventListener("pointermove", moved);
    target.addEventListener("pointerup", end);
    target.addEventListener("pointercancel", end);
  }

  #pressed(event) {
    if (event.button) return;
    this.pictures.focus({ preventScroll: true });
    const place = this.#placeOf(event);
    if (this.tool === "point") {
      this.#follow(event, () => {}, () => this.#placeAt(place));
      return;
    }
    const radius = Math.max(this.brush.share * Math.max(this.size.width, this.size.height), 1);
    const stroke = { color: this.brush.color, radius, points: [[place.x, place.y]] };
    this.strokes = [...this.#strokes, stroke];
    this.#follow(
      event,
      (move) => {
        const { x, y } = this.#placeOf(move);
        stroke.points.push([x, y]);
        this.#drawStrokes();
      },
      () => this.#tell("stroke", stroke),
    );
  }

  #drag(event, element, index) {
    event.stopPropagation();
    if (event.button) return;
    let place = null;
    this.#follow(
      event,
      (move) => {
        if (!place && Math.hypot(move.clientX - event.clientX, move.clientY - event.clientY) < 5) return;
        place = this.#placeOf(move);
        this.#put(element, place);
      },
      () => (place ? this.#tell("move", { index, ...place }) : this.#tell("pick", index)),
    );
    element.focus();
  }

  #slide(event) {
    event.stopPropagation();
    const box = this.pictures.getBoundingClientRect();
    this.#follow(event, (move) => {
      this.split.value = ((move.clientX - box.left) / box.width) * 100;
      this.#showSplit();
    });
  }

  #showSplit() {
    const percent = `${this.split.value}%`;
    this.colorImage.style.clipPath = `inset(0 0 0 ${percent})`;
    this.divider.style.setProperty("--split", percent);
    this.divider.classList.toggle("edge", this.split.value === "0" || this.split.value === "100");
  }

  // Handles the keyboard: arrows move a cross, Enter places a hint there.
  #key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const { width, height } = this.size;
    const at = this.#cross ?? { x: Math.floor(width / 2), y: Math.floor(height / 2) };
    if (event.key in moves) {
      const step = Math.max((event.shiftKey ? 0.2 : 1) * STEP * width, 1);
      const [dx, dy] = moves[event.key];
      const kept = (value, length) => Math.min(Math.max(Math.round(value), 0), length - 1);
      this.#cross = { x: kept(at.x + dx * step, width), y: kept(at.y + dy * step, height) };
      this.#put(this.cross, this.#cross);
      this.cross.hidden = false;
    } else if (event.key === "Enter" && event.target === this.pictures) {
      this.#placeAt(at);
    } else {
      return;
    }
    event.preventDefault();
  }

  #drawStrokes() {
    const box = this.pictures.getBoundingClientRect();
    const scale = (box.width / this.size.width) * devicePixelRatio;
    this.canvas.width = Math.round(box.width * devicePixelRatio);
    this.canvas.height = Math.round(box.height * devicePixelRatio);
    const pen = this.canvas.getContext("2d");
    pen.lineCap = pen.lineJoin = "round";
    for (const stroke of this.#strokes) {
      pen.strokeStyle = stroke.color;
      pen.lineWidth = stroke.radius * 2 * scale;
      pen.beginPath();
      for (const [x, y] of stroke.points) pen.lineTo((x + 0.5) * scale, (y + 0.5) * scale);
      if (stroke.points.length === 1) pen.lineTo((stroke.points[0][0] + 0.6) * scale, (stroke.points[0][1] + 0.5) * scale);
      pen.stroke();
    }
  }
}
