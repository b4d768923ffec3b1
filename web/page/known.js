// The network's analysis of a photo: uncertain places, suggested hint places, candidates.

import { complain, post } from "/server.js";
import { make, say } from "/words.js";

const place = document.querySelector("#photos .extras");
const gallery = document.querySelector("#photos .gallery");
let desk; // {stage, change, asked}: asked() returns the edits of the shown photo, as sent to the server
let unsure;
let suggested;
let others;

export function startKnown(with_) {
  desk = with_;
  unsure = toggle("unsure");
  suggested = toggle("suggest");
  others = make("button", { textContent: say("candidates") });
  others.setAttribute("aria-expanded", "false");
  others.addEventListener("click", () => (gallery.hidden ? openGallery() : closeGallery()));
  place.append(unsure, suggested, others);
}

function toggle(name) {
  const button = make("button", { textContent: say(name), title: say(`${name}_more`) });
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") === "false");
    refreshKnown();
  });
  return button;
}

const isOn = (button) => button.getAttribute("aria-pressed") === "true";

// Refreshes what is switched on, for the current edits.
export async function refreshKnown() {
  const asked = desk.asked();
  if (!asked) return;
  const still = () => desk.asked()?.path === asked.path;
  const { overlay } = desk.stage;
  try {
    if (isOn(unsure)) {
      const blob = await (await post(`${asked.path}/overlay`, asked.edits)).blob();
      if (overlay.src.startsWith("blob:")) URL.revokeObjectURL(overlay.src);
      overlay.src = URL.createObjectURL(blob);
    }
    overlay.hidden = !isOn(unsure) || !still();
    const points = isOn(suggested) ? await (await post(`${asked.path}/suggestions`, asked.edits)).json() : [];
    if (still()) desk.stage.suggest(points);
  } catch (error) {
    complain(error);
  }
}

// Shows the candidates; the first is the default one.

async function openGallery() {
  const { path, edits } = desk.asked();
  others.disabled = desk.stage.busy = true;
  try {
    const found = await (await post(`${path}/candidates`, edits)).json();
    if (desk.asked()?.path !== path) return;
    gallery.replaceChildren(...found.map((one, index) => tile(one, index + 1, edits)));
    gallery.hidden = false;
    others.setAttribute("aria-expanded", "true");
    gallery.scrollIntoView({ block: "nearest", behavior: "smooth" });
  } catch (error) {
    complain(error);
  } finally {
    others.disabled = desk.stage.busy = false;
  }
}

// A candidate stays what it is under later hints: it is kept as its regions, with the hints and strokes it was found with.
function tile({ picture, regions }, number, edits) {
  const chosen = JSON.stringify(edits.candidate?.regions ?? []) === JSON.stringify(regions);
  const { hints = [], strokes = [] } = edits;
  const made = regions.length ? { regions, hints, strokes: strokes.length } : null;
  const button = make("button", {}, make("img", { src: `data:image/jpeg;base64,${picture}`, alt: "" }));
  button.setAttribute("aria-label", say("candidate", { number }));
  button.setAttribute("aria-pressed", chosen);
  button.addEventListener("click", () => {
    for (const other of gallery.children) other.setAttribute("aria-pressed", other === button);
    desk.change({ candidate: made });
  });
  return button;
}

export function closeGallery() {
  gallery.hidden = true;
  others.setAttribute("aria-expanded", "false");
}
