// One picture, gray and in color with a divider, on which hints are placed and strokes painted.
// All places are in pixels of the photo or the film frame.

import { makeDivider } from "/compare.js";
import { Fingers } from "/fingers.js";
import { colorOf, give, isArmed } from "/picker.js";
import { drawStrokes, erased } from "/strokes.js";
import { fromTemplate, make, say } from "/words.js";

const STEP = 0.02; // share of the shown width by which an arrow key moves the cross
const LARGEST = 4; // screen pixels of a photo's pixel, at most
const WHEEL = 0.0018; // growth of the zoom's logarithm for a wheel's pixel
const CLICK_PX = 5; // movement up to which a press is a click
const SETTLED_MS = 120; // after the last movement, the seen part is asked for

export class Stage extends EventTarget {
  tool = "point";
  brush = { color: "#b5482f", share: 0.014 }; // radius as a share of the long side
  size = { width: 1, height: 1 };
  zoom = 1;
  left = 0;
  top = 0;
  fingers = new Fingers((factor, around) => this.zoomBy(factor, around));
  #strokes = [];
  #cross = null;
  #undo = () => {}; // takes back what the first finger has begun

  constructor() {
    super();
    this.element = fromTemplate("stage");
    const find = (selector) => this.element.querySelector(selector);
    this.pictures = find(".pictures");
    this.gray = find(".gray");
    this.colorImage = find(".color");
    this.parts = { gray: find(".gray-part"), color: find(".color-part") };
    this.overlay = find(".overlay");
    this.canvas = find(".strokes");
    this.markers = find(".markers");
    this.cross = find(".cross");
    const divider = find(".divider");
    this.busyBar = find(".busy");
    const lid = find(".lid");
    this.toggleGray = makeDivider(divider, this.pictures, (percent) => (lid.style.clipPath = `inset(0 0 0 ${percent}%)`));
    this.pictures.addEventListener("pointerdown", (event) => this.#pressed(event));
    this.pictures.addEventListener("keydown", (event) => this.#key(event));
    this.pictures.addEventListener("blur", () => (this.cross.hidden = !document.querySelector(".chooser")));
    this.pictures.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.pictures.addEventListener("dblclick", (event) => this.#doubleClick(event));
    for (const [selector, by] of [[".zoom-in", 1.5], [".zoom-out", 1 / 1.5]]) {
      find(selector).addEventListener("click", () => this.zoomBy(by));
    }
    this.fit = find(".zoom-fit");
    this.fit.addEventListener("click", () => this.#look(1, 0, 0));
    new ResizeObserver(() => this.#look(this.zoom, this.left, this.top)).observe(this.pictures);
    this.marksShown = find(".marks-shown");
    this.marksShown.addEventListener("click", () => this.toggleMarks());
    document.addEventListener("keydown", (event) => this.#letter(event));
  }

  // Shows or hides hints and strokes.
  toggleMarks() {
    const hidden = this.element.classList.toggle("unmarked");
    this.marksShown.textContent = say(hidden ? "marks_show" : "marks_hide");
  }

  // Shows another picture; size : {width, height}, and its ratio where pixels are not square.
  show(grayUrl, size) {
    this.size = size;
    this.#cross = null;
    this.cross.hidden = true;
    this.gray.src = grayUrl;
    this.colorImage.removeAttribute("src");
    this.overlay.hidden = true;
    this.zoom = 1;
    this.left = this.top = 0;
    const ratio = size.ratio ?? size.width / size.height;
    this.pictures.style.aspectRatio = ratio;
    this.element.style.setProperty("--ratio", ratio);
    this.#look(1, 0, 0);
  }

  // Shows the seen part's own pixels; kind : "gray" or "color"; place : {x, y, width, height} in pixels, null for none.
  showPart(kind, url, place) {
    const image = this.parts[kind];
    if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
    image.hidden = !place;
    if (!place) return image.removeAttribute("src");
    image.src = url;
    const percent = (value, side) => `${(value / side) * 100}%`;
    image.style.left = percent(place.x, this.size.width);
    image.style.top = percent(place.y, this.size.height);
    image.style.width = percent(place.width, this.size.width);
    image.style.height = percent(place.height, this.size.height);
  }

  // Returns the seen part in whole pixels, and the screen pixels of its long side; null where all is seen.
  get seen() {
    if (this.zoom === 1) return null;
    const { width, height } = this.size;
    const [x, y] = [Math.floor(this.left * width), Math.floor(this.top * height)];
    const right = Math.min(Math.ceil((this.left + 1 / this.zoom) * width), width);
    const bottom = Math.min(Math.ceil((this.top + 1 / this.zoom) * height), height);
    const box = this.pictures.getBoundingClientRect();
    const px = Math.min(Math.ceil(Math.max(box.width, box.height) * devicePixelRatio), 3000);
    return { x, y, width: right - x, height: bottom - y, px };
  }

  // Zooms around a place of the window, by default the middle.
  zoomBy(factor, around = null) {
    const box = this.pictures.getBoundingClientRect();
    const { clientX, clientY } = around ?? { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 };
    const [u, v] = [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
    const zoom = this.#within(this.zoom * factor);
    this.#look(zoom, this.left + u / this.zoom - u / zoom, this.top + v / this.zoom - v / zoom);
  }

  #within(zoom) {
    const box = this.pictures.getBoundingClientRect();
    const most = Math.max((LARGEST * this.size.width) / Math.max(box.width, 1), 1);
    return Math.min(Math.max(zoom, 1), most);
  }

  // Shows a part: left and top, as shares of the picture's sides, are at the window's corner.
  #look(zoom, left, top) {
    const most = 1 - 1 / zoom;
    this.zoom = zoom < 1.001 ? 1 : zoom;
    this.left = Math.min(Math.max(left, 0), most);
    this.top = Math.min(Math.max(top, 0), most);
    for (const name of ["zoom", "left", "top"]) this.pictures.style.setProperty(`--${name}`, this[name]);
    this.element.classList.toggle("zoomed", this.zoom > 1);
    const box = this.pictures.getBoundingClientRect();
    this.fit.textContent = `${Math.round(((this.zoom * box.width) / this.size.width) * 100)} %`;
    this.#drawStrokes();
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.#tell("look", this.seen), SETTLED_MS);
  }

  #wheel(event) {
    if (this.zoom === 1 && event.deltaY > 0) return; // the page scrolls
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
    this.zoomBy(Math.exp(-pixels * WHEEL * (event.ctrlKey ? 4 : 1)), event);
  }

  // Between the whole and the photo's own pixels.
  #doubleClick(event) {
    if (event.target !== this.pictures) return;
    this.#tell("zoomed");
    const box = this.pictures.getBoundingClientRect();
    const own = this.#within(Math.max(this.size.width / box.width, 2));
    this.zoomBy(this.zoom < own * 0.99 ? own / this.zoom : 1 / this.zoom, event);
  }

  set color(url) {
    const before = this.colorImage.src;
    this.colorImage.src = url;
    if (before.startsWith("blob:")) URL.revokeObjectURL(before);
  }

  set busy(on) {
    this.pictures.setAttribute("aria-busy", on);
    this.busyBar.hidden = !on;
  }

  set hints(hints) {
    this.cross.hidden = true;
    this.markers.replaceChildren(...hints.map((hint, index) => this.#marker(hint, index)));
  }

  set strokes(strokes) {
    this.#strokes = strokes;
    this.element.classList.toggle("painted", strokes.length > 0);
    this.#drawStrokes();
  }

  // Returns the window position of a place of the picture, to show something beside it.
  placeOnScreen({ x, y }) {
    const box = this.pictures.getBoundingClientRect();
    const across = (x / this.size.width - this.left) * this.zoom;
    const down = (y / this.size.height - this.top) * this.zoom;
    return { x: box.left + across * box.width, y: box.top + down * box.height };
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
      x: within(this.left + (event.clientX - box.left) / box.width / this.zoom, this.size.width),
      y: within(this.top + (event.clientY - box.top) / box.height / this.zoom, this.size.height),
    };
  }

  // Follows the pointer until it is lifted; undone : called instead if a second finger ends it.
  #follow(event, moved, lifted, undone = () => {}) {
    event.preventDefault();
    const target = event.currentTarget;
    target.setPointerCapture(event.pointerId);
    const stop = () => {
      target.removeEventListener("pointermove", moved);
      target.removeEventListener("pointerup", end);
      target.removeEventListener("pointercancel", end);
      this.#undo = () => {};
    };
    const end = () => {
      stop();
      lifted();
    };
    this.#undo = () => {
      stop();
      undone();
    };
    target.addEventListener("pointermove", moved);
    target.addEventListener("pointerup", end);
    target.addEventListener("pointercancel", end);
  }

  // A finger or button was pressed: a click asks for a hint, or a stroke begins; where it is zoomed in, the picture is
  // moved by dragging, while painting with the middle button or with Alt; two fingers zoom.
  #pressed(event) {
    if (event.pointerType === "touch" && this.fingers.pressed(event)) return this.#undo();
    const moves = event.button === 1 || event.altKey;
    if (event.button && !moves) return;
    this.pictures.focus({ preventScroll: true });
    const place = this.#placeOf(event);
    if (isArmed() && !moves) {
      event.preventDefault();
      return this.#pick(place);
    }
    if (this.tool === "point" || moves) {
      const clicked = () => this.tool === "point" && !moves && this.#placeAt(place);
      this.#move(event, clicked);
      return;
    }
    if (this.tool === "eraser") this.#erase(event, place);
    else this.#paint(event, place);
  }

  get #radius() {
    return Math.max(this.brush.share * Math.max(this.size.width, this.size.height), 1);
  }

  #paint(event, place) {
    const before = this.#strokes;
    const stroke = { color: this.brush.color, radius: this.#radius, points: [[place.x, place.y]] };
    this.strokes = [...before, stroke];
    const paint = (move) => {
      const { x, y } = this.#placeOf(move);
      stroke.points.push([x, y]);
      this.#drawStrokes();
    };
    this.#follow(event, paint, () => this.#tell("stroke", stroke), () => (this.strokes = before));
  }

  // Takes away what an eraser passes over; tells the strokes that are left, an array for each one before.
  #erase(event, place) {
    const before = this.#strokes;
    const path = [[place.x, place.y]];
    let left = erased(before, path, this.#radius);
    const erase = (move) => {
      const { x, y } = this.#placeOf(move);
      path.push([x, y]);
      left = erased(before, path, this.#radius);
      this.strokes = left.flat();
    };
    this.strokes = left.flat();
    this.#follow(event, erase, () => this.#tell("erase", left), () => (this.strokes = before));
  }

  // Gives the shown color of a place to whoever waits for one.
  #pick(place) {
    if (!this.colorImage.src) return;
    give(colorOf(this.colorImage, (place.x + 0.5) / this.size.width, (place.y + 0.5) / this.size.height));
  }

  // Moves the picture with the pointer; clicked : called if it has not moved.
  #move(event, clicked) {
    const { left, top, zoom } = this;
    const box = this.pictures.getBoundingClientRect();
    let moved = false;
    const rest = () => this.element.classList.remove("moving");
    this.#follow(
      event,
      (now) => {
        const [dx, dy] = [now.clientX - event.clientX, now.clientY - event.clientY];
        if (!moved && Math.hypot(dx, dy) < CLICK_PX) return;
        moved = true;
        this.element.classList.toggle("moving", zoom > 1);
        if (zoom > 1) this.#look(zoom, left - dx / box.width / zoom, top - dy / box.height / zoom);
      },
      () => {
        rest();
        if (!moved) clicked();
      },
      rest,
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

  // Handles the keyboard: arrows move a cross, Enter places a hint there.
  #key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const { width, height } = this.size;
    const at = this.#cross ?? { x: Math.floor(width / 2), y: Math.floor(height / 2) };
    if (event.key in moves) {
      const step = Math.max(((event.shiftKey ? 0.2 : 1) * STEP * width) / this.zoom, 1);
      const [dx, dy] = moves[event.key];
      const kept = (value, length) => Math.min(Math.max(Math.round(value), 0), length - 1);
      this.#cross = { x: kept(at.x + dx * step, width), y: kept(at.y + dy * step, height) };
      this.#put(this.cross, this.#cross);
      this.cross.hidden = false;
      this.#follows(this.#cross);
    } else if ("+=-0".includes(event.key) && !event.ctrlKey && !event.metaKey) {
      if (event.key === "0") this.#look(1, 0, 0);
      else this.zoomBy(event.key === "-" ? 1 / 1.25 : 1.25, this.#cross && this.#clientOf(this.#cross));
    } else if (event.key === "Enter" && event.target === this.pictures) {
      if (isArmed()) this.#pick(at);
      else this.#placeAt(at);
    } else {
      return;
    }
    event.preventDefault();
  }

  // Handles letters, wherever the focus is, while the picture is shown.
  #letter(event) {
    const typing = event.target.matches("input:not([type=range]), select, textarea");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !this.element.offsetParent) return;
    if (event.key.toLowerCase() === "g") this.toggleGray();
    if (event.key.toLowerCase() === "h") this.toggleMarks();
  }

  #clientOf(place) {
    const { x, y } = this.placeOnScreen(place);
    return { clientX: x, clientY: y };
  }

  // Moves the picture so that a place is seen.
  #follows({ x, y }) {
    const kept = (share, start) => Math.min(Math.max(start, share - 0.95 / this.zoom), share - 0.05 / this.zoom);
    this.#look(this.zoom, kept(x / this.size.width, this.left), kept(y / this.size.height, this.top));
  }

  #drawStrokes() {
    const box = this.pictures.getBoundingClientRect();
    drawStrokes(this.canvas, this.#strokes, {
      width: Math.round(box.width * devicePixelRatio),
      height: Math.round(box.height * devicePixelRatio),
      x: this.left * this.size.width,
      y: this.top * this.size.height,
      scale: ((box.width * this.zoom) / this.size.width) * devicePixelRatio,
    });
  }
}
