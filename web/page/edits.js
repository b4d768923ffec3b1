// What has been done to a picture: kept in steps, so that each can be undone.

export class Edits {
  constructor(kept = null) {
    this.now = kept?.now ?? { hints: [], strokes: [] };
    this.past = kept?.past ?? [];
    this.future = [];
  }

  // Makes another state of it the present; `like` names changes that count as one (a slider on its way).
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

// Steps by Ctrl+Z, Ctrl+Shift+Z and Ctrl+Y while a picture is shown; a field of text has these keys for itself.
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

// Writes hints as the command has them; `at` is the time in a film.
export function written(hints) {
  return hints.map(({ at, x, y, color }) => [...(at ? [at] : []), x, y, color].join(","));
}
