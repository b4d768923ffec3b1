// Fingers on a picture: the second one zooms, and the picture ends what the first one began.

export class Fingers {
  #down = new Map(); // the latest event of each finger
  #zoom; // called with a factor and the place of the window around which to zoom
  #track = (now) => this.#moved(now);

  constructor(zoom) {
    this.#zoom = zoom;
  }

  // Follows another finger until it is lifted. Returns whether there are two.
  pressed(event) {
    if (!this.#down.size) window.addEventListener("pointermove", this.#track, true);
    this.#down.set(event.pointerId, event);
    const lifted = (last) => {
      if (last.pointerId !== event.pointerId) return;
      this.#down.delete(event.pointerId);
      for (const name of ["pointerup", "pointercancel"]) window.removeEventListener(name, lifted, true);
      if (!this.#down.size) window.removeEventListener("pointermove", this.#track, true);
    };
    for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, lifted, true);
    return this.#down.size > 1;
  }

  #moved(now) {
    if (!this.#down.has(now.pointerId)) return;
    const before = this.#span();
    this.#down.set(now.pointerId, now);
    const after = this.#span();
    if (before && after) this.#zoom(after.length / before.length, after);
  }

  // Returns the distance of two fingers and their middle.
  #span() {
    const [one, two] = [...this.#down.values()];
    if (!two) return null;
    const length = Math.max(Math.hypot(one.clientX - two.clientX, one.clientY - two.clientY), 1);
    return { length, clientX: (one.clientX + two.clientX) / 2, clientY: (one.clientY + two.clientY) / 2 };
  }
}
