// Lets the user choose the color of a place: a likely one or any other, shown as it comes out at the place's lightness.

import { armBy, isArmed, receive } from "/picker.js";
import { fromTemplate, inWords, make } from "/words.js";

const COMMON = ["#c99a7c", "#8a5a3c", "#b5482f", "#c9a34a", "#6f8f4e", "#3f6f5a", "#5f8fb5", "#2f4f7f", "#7a5a8a", "#b58a9a"];
const GRAY = "#808080";
const MOST_RECENT = 4;
const MOST = 12; // common and recent ones
const BELOW_PX = 60; // least distance of the place from the chooser's upper edge on a phone
const PLACES = 4; // largest number of likely colors
let recent = [];
let chosenStrength = () => 1;
let asking = 0; // number of the latest question what colors become
let close = () => {};
let chosen = Promise.resolve(); // settles when the chooser closes

// Resolves to a color, with its strength if that is not 1 ("#5060a0@0.5"), "remove", or null if the user cancels.
// at : position in the window; likely : a promise of colors; current : the color of an existing hint;
// shown : returns a promise of what colors become at the place, [{color, shown}, ...].
export function chooseColor(at, { likely, current, shown = async () => [] } = {}) {
  close();
  const element = fromTemplate("chooser");
  const find = (selector) => element.querySelector(selector);
  const back = document.activeElement;
  document.body.append(element);
  chosen = new Promise((resolve) => {
    close = (result = null) => {
      close = () => {};
      document.removeEventListener("pointerdown", outside, true);
      unreceive();
      element.remove();
      if (back?.isConnected) back.focus({ preventScroll: true });
      if (result && result !== "remove") recent = [plain(result), ...recent.filter((color) => color !== plain(result))].slice(0, MOST_RECENT);
      resolve(result);
    };
    const outside = (event) => element.contains(event.target) || isArmed() || event.target.closest(".second") || close();
    document.addEventListener("pointerdown", outside, true);
    element.addEventListener("keydown", (event) => onKey(event, element));
    const [input, named, strength] = ["[type=color]", ".named", "[type=range]"].map(find);
    [input.value, strength.value] = [plain(current ?? input.value), current?.split("@")[1] ?? 1];
    chosenStrength = () => Number(strength.value);
    const show = () => showOutcomes(element, shown, named.value || input.value);
    for (const one of [input, named, strength]) one.addEventListener("input", show);
    armBy(find(".pick"));
    const unreceive = receive((color) => {
      input.value = color;
      named.value = "";
      show();
    });
    input.addEventListener("input", () => (named.value = ""));
    find(".use").addEventListener("click", async () => {
      const asked = () => named.value || input.value;
      const before = asked();
      let isColor = null;
      while (isColor === null && asked() === before) isColor = await show();
      if (isColor === null) return; // another color was chosen meanwhile
      if (isColor) close(written(input.value));
      else named.reportValidity();
    });
    find(".neutral").addEventListener("click", () => close(GRAY));
    find(".remove").addEventListener("click", () => close("remove"));
    find(".remove").hidden = !current;
    find(".common").replaceChildren(...[...new Set([...recent, ...COMMON])].slice(0, MOST).map(swatch));
    fill(find(".likely"), likely).then(show);
    show();
    place(element, at);
    movable(element);
    element.tabIndex = -1;
    element.focus({ preventScroll: true });
  });
  return chosen;
}

// Resolves as soon as no color is being chosen.
export async function notChoosing() {
  while (document.querySelector(".chooser")) await chosen;
}

// The color without its strength.
export function plain(color) {
  return color.split("@")[0];
}

// Colors as the parameters of a request.
export function asked(colors) {
  return new URLSearchParams(colors.map((color) => ["color", color])).toString();
}

function written(color) {
  return chosenStrength() === 1 ? color : `${color}@${chosenStrength()}`;
}

// Shows what all offered colors and the chosen one, by code or name, become at the place; resolves to whether it is one,
// or to null if that was asked again meanwhile.
async function showOutcomes(element, shown, chosen) {
  const swatches = [...element.querySelectorAll("button.swatch")];
  const asked = [...swatches.map((one) => one.title), chosen].map(written);
  const number = (asking += 1);
  const outcomes = await shown(asked).catch(() => []);
  if (number !== asking) return null;
  swatches.forEach((one, i) => outcomes[i] && one.style.setProperty("--color", outcomes[i].shown));
  const [input, named, outcome] = ["[type=color]", ".named", ".outcome"].map((one) => element.querySelector(one));
  const { color, shown: result, error } = outcomes.at(-1) ?? {};
  named.setCustomValidity(error ? inWords(error) : "");
  if (error) return false;
  if (color) input.value = plain(color);
  outcome.style.setProperty("--color", result ?? input.value);
  outcome.title = result ?? input.value;
  outcome.setAttribute("role", "img"); // only now that it has a name
  return true;
}

export function stopChoosing() {
  close();
}

// Shows empty places until the likely colors arrive, so that nothing moves.
async function fill(list, likely) {
  list.replaceChildren(...Array.from({ length: PLACES }, () => make("span", { className: "swatch empty" })));
  const found = await Promise.resolve(likely).catch(() => []);
  if (list.isConnected) list.replaceChildren(...(found ?? []).map(swatch));
}

function swatch(color) {
  const element = make("button", { className: "swatch", title: color });
  element.style.setProperty("--color", color);
  element.setAttribute("aria-label", color);
  element.addEventListener("click", () => close(written(color)));
  return element;
}

function onKey(event, element) {
  event.stopPropagation();
  if (event.key === "Escape") close();
  if (event.key === "Tab") keepFocus(event, element);
  if (event.key === "Enter" && event.target.matches(".named")) element.querySelector(".use").click();
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (step && !event.target.matches("input")) {
    const all = [...element.querySelectorAll("button.swatch")];
    const at = all.indexOf(event.target);
    all[at < 0 ? 0 : (at + step + all.length) % all.length].focus();
    event.preventDefault();
  }
}

function keepFocus(event, element) {
  const all = [...element.querySelectorAll("button:not([hidden]), input")];
  const edge = event.shiftKey ? all[0] : all.at(-1);
  if (event.target === edge) {
    (event.shiftKey ? all.at(-1) : all[0]).focus();
    event.preventDefault();
  }
}

// Positions the chooser over the settings, where it covers nothing of the picture; on a phone the style sheet puts it at the
// bottom, and the page is scrolled until the place is seen above it.
function place(element, { y }) {
  const { width, height, top } = element.getBoundingClientRect();
  const settings = [...document.querySelectorAll(".panel")].find((panel) => panel.offsetParent);
  const box = settings.getBoundingClientRect();
  if (box.left > innerWidth / 2) move(element, box.left + (box.width - width) / 2, y - height / 2);
  else if (y > top - BELOW_PX) scrollBy({ top: y - top + BELOW_PX });
}

function move(element, left, top) {
  const { width, height } = element.getBoundingClientRect();
  element.style.left = `${Math.max(Math.min(left, innerWidth - width - 8), 8)}px`;
  element.style.top = `${Math.max(Math.min(top, innerHeight - height - 8), 8)}px`;
}

// Lets the chooser be dragged by its upper edge.
function movable(element) {
  const grip = element.querySelector(".grip");
  grip.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    grip.setPointerCapture(event.pointerId);
    const { left, top } = element.getBoundingClientRect();
    const drag = (now) => move(element, left + now.clientX - event.clientX, top + now.clientY - event.clientY);
    grip.addEventListener("pointermove", drag);
    grip.addEventListener("pointerup", () => grip.removeEventListener("pointermove", drag), { once: true });
  });
}
