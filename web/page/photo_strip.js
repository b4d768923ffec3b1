// The strip of open photos: a place for each from the beginning of its upload, later with its thumbnail.

import { make, say } from "/words.js";

const strip = document.querySelector("#photos .strip");

// Adds a place for a file that is uploaded.
export function addPlace(name) {
  const place = make("li", { className: "waiting", title: name });
  strip.querySelector(".add").before(place);
  return place;
}

// Shows in a place how much of its file is uploaded, as a share.
export function showShare(place, share) {
  place.style.setProperty("--share", share);
}

export const isUploading = () => Boolean(strip.querySelector(".waiting"));

// Shows a photo in its place, in gray.
export function fillPlace({ id, name, place }, { select, remove }) {
  const open = make("button", { className: "open", title: name }, make("img", { src: `/photos/${id}/gray`, alt: "" }));
  open.setAttribute("aria-label", name);
  open.addEventListener("click", select);
  const close = make("button", { className: "close", textContent: "×", title: say("close") });
  close.setAttribute("aria-label", `${say("close")}: ${name}`);
  close.addEventListener("click", remove);
  place.className = "";
  place.replaceChildren(open, close);
}

export function showThumbnail({ place }, blob) {
  const image = place.querySelector("img");
  if (!image) return;
  if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(blob);
}
