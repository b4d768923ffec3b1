// The network's analysis of a photo: uncertain places, and places where a hint would help.

import { complain, post } from "/server.js";
import { make, say } from "/words.js";

const place = document.querySelector("#photos .extras");
let desk; // {stage, asked}: asked() returns the edits of the shown photo, as sent to the server
let unsure;
let suggested;

export function startKnown(with_) {
  desk = with_;
  unsure = toggle("unsure");
  suggested = toggle("suggest");
  place.append(unsure, suggested);
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
    if (still()) complain(error);
  }
}
