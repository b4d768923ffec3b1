// Requests to the server, and the length of its queue.

import { inWords, say } from "/words.js";

export { inWords };

const message = document.getElementById("message");
const queue = document.getElementById("queue");
let open = 0;
let watching = false;
let lasting = false; // whether the message is about files: it stays until it is closed or other files are chosen

message.querySelector("button").addEventListener("click", dismiss);

// Shows an error until the next action, or for longer: lasts.
export function complain(error, { lasts = false } = {}) {
  lasting = lasts;
  message.querySelector("p").textContent = error.message.split("\n").map(inWords).join("\n");
  message.hidden = false;
}

// Shows messages about files, if there are any.
export function showNotes(notes) {
  if (notes.length) complain(new Error(notes.join("\n")), { lasts: true });
}

// Hides an error, as another action begins.
export function calm() {
  if (!lasting) dismiss();
}

// Hides any message.
export function dismiss() {
  message.hidden = true;
}

// Returns a message about an answer that gives no reason: above 500, the server is ending or has too much to do.
const withoutReason = (status) => (status < 500 ? `${status}` : say("server_gone"));

async function checked(response) {
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({}));
  throw Object.assign(new Error(error ?? withoutReason(response.status)), { status: response.status });
}

export async function ask(path, options = {}) {
  open += 1;
  const watch = setTimeout(watchQueue, 700);
  try {
    return await checked(await fetch(path, options));
  } catch (error) {
    if (error instanceof TypeError) throw new Error(say("server_gone"));
    throw error;
  } finally {
    clearTimeout(watch);
    open -= 1;
    if (!open) queue.textContent = "";
  }
}

export function post(path, value = {}) {
  return ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(value),
  });
}

// Sends a file unchanged, so that the server can write it directly to disk.
export function upload(path, file, progress = () => {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${path}?name=${encodeURIComponent(file.name)}`);
    request.responseType = "json";
    request.upload.onprogress = (event) => progress(event.loaded / event.total);
    request.onload = () =>
      request.status < 300
        ? resolve(request.response)
        : reject(new Error(namedError(file.name, inWords(request.response?.error ?? withoutReason(request.status)))));
    request.onerror = () => reject(new Error(say("upload_failed", { name: file.name })));
    request.send(file);
  });
}

// Returns a message about a file with its name.
const namedError = (name, text) => (text.includes(name) ? text : `${name}: ${text}`);

async function watchQueue() {
  if (watching) return;
  watching = true;
  while (open) {
    const answer = await fetch("/queue").then((response) => response.json()).catch(() => null);
    if (!open || !answer) break;
    queue.textContent = answer.length > 1 ? say("queue", { count: answer.length }) : "";
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  watching = false;
}
