// Colors taken from pictures: who receives them, and whether the next click on a picture takes one.

let receivers = []; // functions; the last one receives a color
let armed = () => {};

// Makes a function the receiver of colors. Returns a function that ends this.
export function receive(take) {
  receivers.push(take);
  return () => {
    receivers = receivers.filter((one) => one !== take);
    disarm();
  };
}

export function give(color) {
  disarm();
  receivers.at(-1)?.(color);
}

// From now on, the next click on a picture takes its color; Escape ends this.
export function arm(button) {
  disarm();
  document.body.classList.add("picking");
  button.setAttribute("aria-pressed", "true");
  const escape = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    disarm();
  };
  document.addEventListener("keydown", escape, true);
  armed = () => {
    document.removeEventListener("keydown", escape, true);
    document.body.classList.remove("picking");
    button.setAttribute("aria-pressed", "false");
  };
}

export const isArmed = () => document.body.classList.contains("picking");

export function disarm() {
  armed();
  armed = () => {};
}

// Lets a button arm the picker, or end that.
export function armBy(button) {
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => (isArmed() ? disarm() : arm(button)));
}

// Returns the mean color of an image around a place, in shares of its sides: #rrggbb.
export function colorOf(image, u, v) {
  const side = 3;
  const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const at = (share, length) => Math.min(Math.max(share * length - side / 2, 0), Math.max(length - side, 0));
  pen.drawImage(image, at(u, image.naturalWidth), at(v, image.naturalHeight), side, side, 0, 0, side, side);
  const { data } = pen.getImageData(0, 0, side, side);
  const mean = (channel) => data.filter((_, i) => i % 4 === channel).reduce((sum, value) => sum + value, 0) / side ** 2;
  return `#${[0, 1, 2].map((channel) => Math.round(mean(channel)).toString(16).padStart(2, "0")).join("")}`;
}
