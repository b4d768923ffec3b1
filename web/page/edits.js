// The edits of a picture, kept as steps that can be undone.

export class Edits {
  constructor(kept = null) {
    this.now = sound(kept?.now);
    this.past = (Array.isArray(kept?.past) ? kept.past : []).map(sound);
    this.future = [];
  }

  // Makes another state the current one; changes with the same `like` count as one step (a moving slider).
  change(changes, like = "") {
    if (!like || like !== this.last) this.past.push(this.now);
    this.last = like;
    this.future = [];
    this.now = { ...this.now, ...changes };
  }

  undo() {
    if (this.past.length) this.#step(this.past, this.future);
  }

  redo() {
    if (this.future.length) this.#step(this.future, this.past);
  }

  #step(from, to) {
    to.push(this.now);
    this.now = from.pop();
    this.last = "";
  }

  get kept() {
    return { now: this.now, past: this.past.slice(-50) };
  }
}

// Returns edits as they are expected here, whatever a file says.
function sound(state) {
  const list = (value, fits) => (Array.isArray(value) ? value.filter(fits) : []);
  const hints = list(state?.hints, (hint) => Number.isFinite(hint?.x) && Number.isFinite(hint?.y) && typeof hint.color === "string");
  const strokes = list(state?.strokes, (stroke) => Array.isArray(stroke?.points) && typeof stroke.color === "string");
  return { ...state, hints, strokes };
}

// Undoes and redoes by Ctrl+Z, Ctrl+Shift+Z and Ctrl+Y while a picture is shown; text fields keep these keys.
export function stepByKeys(isShown, step) {
  document.addEventListener("keydown", (event) => {
    if (!isShown() || event.target.matches("input:not([type=range])")) return;
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key.toLowerCase() === "z") step(event.shiftKey ? "redo" : "undo");
    else if (command && event.key.toLowerCase() === "y") step("redo");
    else return;
    event.preventDefault();
  });
}

// Formats hints in the command's syntax; `at` is the time in a film.
export function written(hints) {
  return hints.map(({ at, x, y, color }) => [...(at ? [at] : []), x, y, color].join(","));
}
