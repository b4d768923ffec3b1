// Saturation and temperature: null is as released.

import { make, say } from "/words.js";

const SLIDERS = [
  { name: "saturation", low: 0, high: 2, step: 0.05, released: 1 },
  { name: "temperature", low: 0.2, high: 1.4, step: 0.05, released: 0.8 },
];

// Puts them into a place; change(changes, name) is called with each new value. Returns what shows others.
export function makeSliders(place, change) {
  const shows = SLIDERS.map((slider) => {
    const input = make("input", { type: "range", min: slider.low, max: slider.high, step: slider.step });
    const shown = make("output");
    const reset = make("button", { className: "reset", textContent: "↺", title: say("as_released") });
    reset.setAttribute("aria-label", `${say(slider.name)}: ${say("as_released")}`);
    input.addEventListener("input", () => change({ [slider.name]: Number(input.value) }, slider.name));
    reset.addEventListener("click", () => change({ [slider.name]: null }));
    const name = make("span", { textContent: say(slider.name), title: say(`${slider.name}_more`) });
    place.append(make("div", { className: "slider" }, make("label", {}, name, shown, input), reset));
    return (values) => {
      const value = values[slider.name];
      input.value = value ?? slider.released;
      shown.textContent = value == null ? "" : Number(value).toFixed(2);
      reset.hidden = value == null;
    };
  });
  return (values) => shows.forEach((show) => show(values));
}
