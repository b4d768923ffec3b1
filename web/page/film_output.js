// How a film is written: its part, codec, quality and file, checked by the server as the command checks them.

import { inWords, post } from "/server.js";
import { settings } from "/settings.js";
import { make, say } from "/words.js";

const output = document.getElementById("output");
const form = output.querySelector("form");
const wrong = document.getElementById("output-wrong");
let desk; // {film(), planned(film)}
let sending = null; // a promise, while a plan is being sent
let changed = null; // the field that was changed last
let again = false; // whether something was changed meanwhile

export function startOutput(with_) {
  desk = with_;
  const { codecs, presets } = settings.films;
  form.codec.append(...codecs.map(({ name }) => make("option", { value: name, textContent: say(`codec_${name}`) })));
  form.preset.append(...presets.map((name) => make("option", { value: name, textContent: name })));
  form.duration.placeholder = say("whole");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", (event) => {
    changed = event.target;
    if (changed === form.codec) fit();
    send();
  });
}

// Leaves only what the chosen codec has.
function fit() {
  const codec = settings.films.codecs.find(({ name }) => name === form.codec.value);
  const before = form.container.value;
  form.container.replaceChildren(...codec.containers.map((name) => make("option", { value: name, textContent: name.toUpperCase() })));
  form.container.value = codec.containers.includes(before) ? before : codec.containers[0];
  form.crf.placeholder = codec.crf ?? "";
  form.crf.disabled = codec.crf === null;
  form.preset.disabled = !codec.presets;
  if (form.crf.disabled) form.crf.value = "";
}

// Sends one plan at a time, and the latest last.
function send() {
  again = true;
  sending ??= sendAll().finally(() => (sending = null));
}

async function sendAll() {
  while (again && desk.film()) {
    again = false;
    const fields = [...form.elements].filter((one) => one.name && !one.disabled);
    const { id } = desk.film();
    try {
      const values = Object.fromEntries(fields.map((one) => [one.name, one.value]));
      const film = await (await post(`/films/${id}/plan`, values)).json();
      tell("");
      if (id === desk.film()?.id) desk.planned(film);
    } catch (error) {
      tell(inWords(error.message));
    }
  }
}

// Resolves to whether the server has the plan that is shown; shows why, if it was refused.
export async function isPlanned() {
  await sending;
  if (!wrong.textContent) return true;
  output.open = true;
  (form.querySelector("[aria-invalid]") ?? form.codec).focus();
  return false;
}

// Shows why a plan was refused, at the field that was changed last.
function tell(text) {
  wrong.textContent = text;
  for (const one of form.querySelectorAll("[aria-invalid]")) one.removeAttribute("aria-invalid");
  if (text) changed?.setAttribute("aria-invalid", "true");
}

// Shows what is planned, unless it is being typed or was refused.
export function showOutput({ plan }, working) {
  form.toggleAttribute("inert", working);
  if (sending || form.contains(document.activeElement) || wrong.textContent) return;
  form.codec.value = plan.codec;
  form.container.replaceChildren(make("option", { value: plan.container }));
  for (const name of ["start", "duration", "crf", "preset", "name", "container"]) form[name].value = plan[name];
  fit();
}

export function openOutput() {
  tell("");
}
