// Keeps the open photos with their edits: in the tab's own memory for a reload, and on the server for a closed tab or an
// ended server; where visitors share a server, which then keeps nothing for long, in the browser's memory.

import { ask, complain, post } from "/server.js";
import { settings } from "/settings.js";
import { language, make, say } from "/words.js";

const KEPT = "colorizer.photos";
const TOO_LARGE = 413;
const place = document.getElementById("kept");
let desk; // {state() -> {photos, current}, open(photos, current)}
let project = null; // the server's id of these photos
let listChanged = false; // whether the server lacks which photos are open
const changed = new Set(); // photos whose edits the server lacks
const closed = new Set(); // ids of photos whose closing the server lacks
let sending = null; // a promise, while the server is told
let unsaved = false; // whether edits are neither kept by the server nor saved as a file

export function startKept(with_) {
  desk = with_;
  addEventListener("beforeunload", (event) => {
    if (desk.uploading() || (settings.keeps ? sending || isBehind() : unsaved)) event.preventDefault();
  });
}

const isBehind = () => listChanged || changed.size > 0;

// Keeps what is open; photo : the one whose edits have changed, null if photos were opened or closed, or another is shown.
export function keep(photo = null) {
  keepInBrowser();
  unsaved ||= Boolean(photo?.edits.past.length);
  if (!settings.keeps) return;
  if (photo) changed.add(photo);
  else listChanged = true;
  send();
}

// Keeps the open photos without one that was closed.
export function forget(photo) {
  changed.delete(photo);
  closed.add(photo.id);
  keep();
}

// Notes that all edits were saved as files.
export function saved() {
  unsaved = false;
}

function keepInBrowser() {
  const { photos, current } = desk.state();
  const kept = (steps) => photos.map(({ id, edits }) => ({ id, edits: steps ? edits.kept : { now: edits.now } }));
  for (const steps of [true, false]) {
    try {
      const text = JSON.stringify({ project, photos: kept(steps), current: current?.id });
      sessionStorage.setItem(KEPT, text);
      if (photos.length && !settings.keeps) localStorage.setItem(KEPT, text);
      return;
    } catch {
      // If the tab's memory is too small, keeps them without the steps, or not at all.
    }
  }
}

// Sends what the server lacks; what cannot be sent is sent with the next change. Resolves when nothing is being sent.
function send() {
  if (!sending && isBehind()) sending = sendAll();
  return sending;
}

async function sendAll() {
  try {
    while (isBehind()) {
      if (listChanged) await sendList();
      for (const photo of [...changed]) await sendEdits(photo);
    }
  } catch {
    // The photos' own requests tell that the server is gone.
  } finally {
    sending = null;
  }
}

// Tells the server which photos are open here; those of other tabs stay in the project.
async function sendList() {
  const { photos, current } = desk.state();
  const list = { photos: photos.map(({ id }) => id), closed: [...closed], current: current?.id };
  listChanged = false; // before the request, as photos may be opened during it
  try {
    if (photos.length || project) {
      const { id } = await (await post(project ? `/kept/${project}` : "/kept", list)).json();
      project = photos.length ? id : null;
    }
  } catch (error) {
    listChanged = true;
    throw error;
  }
  for (const id of list.closed) closed.delete(id);
  keepInBrowser();
}

async function sendEdits(photo) {
  const path = `/kept/photos/${photo.id}`;
  try {
    changed.delete(photo);
    await post(path, photo.edits.kept);
  } catch (error) {
    if (error.status === TOO_LARGE) await post(path, { now: photo.edits.now });
    else if (!error.status) throw (changed.add(photo), error);
  }
}

// Opens what this tab had open before a reload. Returns whether there was anything.
export async function recall(storage = sessionStorage) {
  const kept = JSON.parse(storage.getItem(KEPT) ?? "{}");
  const found = [];
  for (const { id, edits } of kept.photos ?? []) {
    const photo = await ask(`/photos/${id}`).then((answer) => answer.json()).catch(() => null);
    if (photo) found.push({ ...photo, edits });
  }
  if (!found.length) return false;
  project = kept.project ?? null;
  await desk.open(found, kept.current);
  return true;
}

// Leaves the open photos, which stay kept, for others.
export async function leave() {
  await send(); // also what is being sent now, whose answer names the project
  project = null;
  sessionStorage.removeItem(KEPT);
}

// Lists the kept projects, to be continued or deleted.
export async function showKept() {
  const found = settings.keeps ? await (await ask("/kept")).json() : [];
  const tiles = settings.keeps ? found.map(tile) : await continueTiles();
  place.hidden = !tiles.length;
  place.querySelector("ul").replaceChildren(...tiles);
  const where = place.querySelector("p");
  where.hidden = !settings.keeps;
  where.textContent = say("kept_where", { folder: settings.keeps });
}

function tile({ id, used, count, names, first }) {
  const title = names.join(", ") + (count > names.length ? " …" : "");
  const time = new Date(used * 1000).toLocaleString(language, { month: "short", day: "numeric", hour: "numeric", minute: "numeric" });
  const open = tileButton(first, title, `${counted(count)} · ${time}`);
  onClick(open, async () => {
    await send(); // its answer would name another project
    const { photos, current } = await (await ask(`/kept/${id}`)).json();
    project = id;
    await desk.open(photos, current);
  });
  const close = make("button", { className: "close", textContent: "×", title: say("delete_project") });
  close.setAttribute("aria-label", `${say("delete_project")}: ${title}`);
  onClick(close, async () => {
    await ask(`/kept/${id}`, { method: "DELETE" });
    await showKept();
  });
  return make("li", {}, open, close);
}

// The photos of a closed tab, if the server still has one of them.
async function continueTiles() {
  const { photos: kept = [] } = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
  const there = kept.length && (await fetch(`/photos/${kept[0].id}`).catch(() => null));
  if (!there?.ok) return [];
  const open = tileButton(kept[0].id, (await there.json()).name, counted(kept.length));
  onClick(open, () => recall(localStorage));
  return [make("li", {}, open)];
}

// Acts on a click, and not again meanwhile; if that fails, tells why, and shows what is still kept.
function onClick(button, act) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await act();
    } catch (error) {
      complain(error);
      await showKept().catch(complain);
    }
    button.disabled = false;
  });
}

const counted = (count) => say(count === 1 ? "one_photo" : "photo_count", { count });

function tileButton(photo, title, about) {
  const image = make("img", { src: `/photos/${photo}/thumbnail`, alt: "" });
  return make("button", { className: "open" }, image, make("strong", { textContent: title }), make("span", { textContent: about }));
}
