// A second picture beside the photo, which never leaves the browser: a click in it takes its color.

import { colorOf, give } from "/picker.js";
import { complain } from "/server.js";
import { say } from "/words.js";

const place = document.querySelector("#photos .second");
const image = place.querySelector("img");
const file = document.getElementById("second-file");

export function startSecond() {
  file.addEventListener("change", () => open(file.files[0]).finally(() => (file.value = "")));
  place.querySelector(".close").addEventListener("click", close);
  image.addEventListener("click", (event) => {
    const box = image.getBoundingClientRect();
    give(colorOf(image, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height));
  });
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    open(event.dataTransfer.files[0]);
  });
}

async function open(chosen) {
  if (!chosen) return;
  close();
  image.src = URL.createObjectURL(chosen);
  try {
    await image.decode();
  } catch {
    close();
    return complain(new Error(say("not_shown", { name: chosen.name })));
  }
  image.alt = chosen.name;
  place.hidden = false;
}

function close() {
  place.hidden = true;
  if (image.src) URL.revokeObjectURL(image.src);
  image.removeAttribute("src");
}
