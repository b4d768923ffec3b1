// Downloads of photos: the server writes each file as the command does, then the browser fetches it.

import { saved } from "/kept.js";
import { calm, complain, post } from "/server.js";
import { make } from "/words.js";

const button = (id) => document.getElementById(id);
let desk; // {photos(), current(), edits(photo): as sent to the server}

export function startDownloads(with_) {
  desk = with_;
  button("download").addEventListener("click", download);
  button("download-all").addEventListener("click", downloadAll);
  button("save-project").addEventListener("click", saveProject);
}

async function download() {
  const photo = desk.current();
  const done = await fetched(button("download"), `/photos/${photo.id}/file`, desk.edits(photo));
  if (done && desk.photos().length === 1) saved();
}

// All files as one zip, which the server writes while it is sent.
async function downloadAll() {
  const photos = desk.photos().map((photo) => ({ id: photo.id, edits: desk.edits(photo) }));
  if (await fetched(button("download-all"), "/archives", { photos })) saved();
}

// A project: the photos with their edits and the steps that can be undone, as one file.
async function saveProject() {
  const photos = desk.photos().map((photo) => ({ id: photo.id, edits: desk.edits(photo), kept: photo.edits.kept }));
  if (await fetched(button("save-project"), "/projects/saved", { photos })) saved();
}

// Returns whether there is a file.
async function fetched(pressed, path, value) {
  calm();
  pressed.disabled = true;
  try {
    const { href, name } = await (await post(path, value)).json();
    const link = make("a", { href, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    return true;
  } catch (error) {
    complain(error);
    return false;
  } finally {
    pressed.disabled = false;
  }
}
