// Puts the page together: the two rooms, and files that are dropped anywhere.

import { complain } from "/server.js";
import { addFiles, startPhotos } from "/photos.js";

const rooms = ["photos", "films"];

function open(room) {
  for (const name of rooms) {
    document.getElementById(name).hidden = name !== room;
    document.getElementById(`tab-${name}`).setAttribute("aria-selected", name === room);
    document.getElementById(`tab-${name}`).tabIndex = name === room ? 0 : -1;
  }
  history.replaceState(null, "", `#${room}`);
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
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    const files = [...event.dataTransfer.files];
    const photos = files.filter((file) => !/^video\/|\.(mkv|ts|flv|wmv)$/.test(file.type || file.name));
    if (photos.length) open("photos");
    if (photos.length) addFiles(photos);
  });
}

try {
  listen();
  open(rooms.find((room) => location.hash === `#${room}`) ?? "photos");
  await startPhotos();
} catch (error) {
  complain(error);
}
