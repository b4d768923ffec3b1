// The color settings of a photo or a film; null or a missing value means the released setting.

import { settings } from "/settings.js";
import { make, say } from "/words.js";

const SLIDERS = [
  { name: "saturation", low: 0, high: 2, step: 0.05 },
  { name: "temperature", low: 0.2, high: 1.4, step: 0.05 },
  { name: "guidance", low: 0, high: 1, step: 0.05 }, // shown if mood, palette or reference is set
];
const MOST = 8; // colors in a palette

// Adds the controls to an element and calls change(changes, name) for each new value. Returns a function that shows other values.
// mood : whether a mood can be chosen here
export function makeColors(place, change, { mood = true } = {}) {
  const shows = [...(mood ? [makeMood(place, change)] : []), makePalette(place, change), ...SLIDERS.map((one) => makeSlider(place, change, one))];
  return (values) => shows.forEach((show) => show(values));
}

function makeSlider(place, change, slider) {
  const input = make("input", { type: "range", min: slider.low, max: slider.high, step: slider.step });
  const shown = make("output");
  const reset = make("button", { className: "reset", textContent: "↺", title: say("as_released") });
  reset.setAttribute("aria-label", `${say(slider.name)}: ${say("as_released")}`);
  input.addEventListener("input", () => change({ [slider.name]: Number(input.value) }, slider.name));
  reset.addEventListener("click", () => change({ [slider.name]: null }));
  const name = make("span", { textContent: say(slider.name), title: say(`${slider.name}_more`) });
  const whole = make("div", { className: "slider" }, make("label", {}, name, shown, input), reset);
  place.append(whole);
  return (values) => {
    const value = values[slider.name];
    input.value = value ?? settings.released[slider.name];
    shown.textContent = Number(value ?? settings.released[slider.name]).toFixed(2);
    reset.hidden = value == null;
    const leans = values.mood || values.palette?.length || values.reference || Object.keys(values.references ?? {}).length;
    whole.hidden = slider.name === "guidance" && !leans;
  };
}

function makeMood(place, change) {
  const select = make("select");
  select.append(...["", ...settings.moods].map((mood) => make("option", { value: mood, textContent: say(`mood_${mood || "none"}`) })));
  select.addEventListener("change", () => change({ mood: select.value || null }));
  place.append(make("label", { className: "mood" }, make("span", { textContent: say("mood") }), select));
  return (values) => (select.value = values.mood ?? "");
}

function makePalette(place, change) {
  const list = make("div", { className: "palette" });
  const add = make("input", { type: "color", value: "#8a6a4f", title: say("palette_add") });
  add.setAttribute("aria-label", say("palette_add"));
  let now = [];
  add.addEventListener("change", () => change({ palette: [...new Set([...now, add.value])].slice(0, MOST) }));
  const button = make("label", { className: "button add", textContent: "+" }, add);
  place.append(make("div", { className: "mood" }, make("span", { textContent: say("palette"), title: say("palette_more") }), list));
  return (values) => {
    now = values.palette ?? [];
    const chips = now.map((color) => {
      const chip = make("button", { className: "swatch", title: say("remove") });
      chip.style.setProperty("--color", color);
      chip.setAttribute("aria-label", `${color}: ${say("remove")}`);
      chip.addEventListener("click", () => change({ palette: now.filter((other) => other !== color) }));
      return chip;
    });
    list.replaceChildren(...chips, button);
    button.hidden = now.length >= MOST;
  };
}
