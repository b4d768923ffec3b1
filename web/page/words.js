// The page's texts, in the chosen language, the browser's if available, otherwise in English.

const known = ["en", "zh"];
const KEPT = "colorizer.language";
const chosen = localStorage.getItem(KEPT);
const wanted = [chosen, ...navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase())];
export const language = wanted.find((tag) => known.includes(tag)) ?? "en";
// Importing modules wait for the texts.
const [words, messages] = await Promise.all(["json", "messages.json"].map(async (file) => (await fetch(`/words/${language}.${file}`)).json()));
document.documentElement.lang = language === "zh" ? "zh-CN" : language;
document.title = say("title");
sayAll(document);

// Shows the page in another language, from now on.
export function speak(other) {
  localStorage.setItem(KEPT, other);
  location.reload();
}

export function say(key, values = {}) {
  const text = words[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// Returns a message of the server in the page's words: known ones in its language, options under their labels.
export function inWords(text) {
  for (const [pattern, said] of messages) {
    const found = text.match(new RegExp(pattern, "su"));
    if (found) return said.replace(/\{(\d)\}/g, (_, group) => found[group]);
  }
  return text.replace(/(?<![\w-])-([a-z_]+)/g, (whole, name) => (words[`option_${name}`] ? say("quoted", { text: words[`option_${name}`] }) : whole));
}

// Fills in the texts of the marked elements in a part of the page.
export function sayAll(part) {
  for (const element of part.querySelectorAll("[data-say]")) {
    element.textContent = say(element.dataset.say);
  }
  for (const element of part.querySelectorAll("[data-tip]")) element.title = say(element.dataset.tip);
  for (const element of [part, ...part.querySelectorAll("[data-label]")]) {
    if (!element.dataset?.label) continue;
    element.setAttribute("aria-label", say(element.dataset.label));
    if (element.tagName !== "DIV") element.title = say(element.dataset.label);
  }
}

export function fromTemplate(id) {
  const element = document.getElementById(id).content.firstElementChild.cloneNode(true);
  sayAll(element);
  return element;
}

// Tells a reader of the screen what has happened.
export function tell(text) {
  document.getElementById("told").textContent = text;
}

// Creates an element: make("button", {textContent: "Undo"}, children).
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}
