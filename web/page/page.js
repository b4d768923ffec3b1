// Sets up the page: its two tabs, and dropping files anywhere.

import { complain } from "/server.js";
import { showDrop } from "/film_keyframes.js";
import { startFilms, takePictures, uploadFilm } from "/films.js";
import { addFiles, startPhotos } from "/photos.js";
import { language, say, speak } from "/words.js";

const rooms = ["photos", "films"];
const FILM = /^video\/|\.(mkv|ts|flv|wmv)$/i; // a type, or a name if the browser knows no type

function open(room) {
  for (const name of rooms) {
    document.getElementById(name).hidden = name !== room;
    document.getElementById(`tab-${name}`).setAttribute("aria-selected", name === room);
    document.getElementById(`tab-${name}`).tabIndex = name === room ? 0 : -1;
  }
  history.replaceState(null, "", `#${room}`);
}

// Returns what to say of films that were dropped with others.
function notOpened(films) {
  const names = films.map(({ name }) => name).join(", ");
  return names ? [say("not_opened", { names })] : [];
}

function listen() {
  for (const name of rooms) {
    const tab = document.getElementById(`tab-${name}`);
    tab.addEventListener("click", () => open(name));
    tab.addEventListener("keydown", (event) => {
      if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
      const other = rooms[1 - rooms.indexOf(name)];
      open(other);
      document.getElementById(`tab-${other}`).focus();
    });
  }
  const tongue = document.getElementById("language");
  tongue.value = language;
  tongue.addEventListener("change", () => speak(tongue.value));
  const keys = document.getElementById("keys");
  document.getElementById("help").addEventListener("click", () => keys.showModal());
  document.addEventListener("keydown", (event) => {
    if (event.key === "?" && !event.target.matches("input:not([type=range])")) keys.showModal();
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    showDrop(event.target);
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget ?? showDrop(null));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    showDrop(null);
    const files = [...event.dataTransfer.files];
    const films = files.filter((file) => FILM.test(file.type || file.name));
    const photos = files.filter((file) => !films.includes(file));
    if (photos.length && !films.length && takePictures(photos, event.target)) return;
    if (photos.length) {
      open("photos");
      addFiles(photos, notOpened(films));
    } else if (films.length) {
      open("films");
      uploadFilm(films[0], notOpened(films.slice(1)));
    }
  });
}

try {
  listen();
  open(rooms.find((room) => location.hash === `#${room}`) ?? "photos");
  await Promise.all([startPhotos(), startFilms()]);
} catch (error) {
  complain(error);
}
