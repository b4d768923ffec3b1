// What the edits of a film say of its shots.

import { written } from "/edits.js";
import { frameOf } from "/film_hints.js";
import { say } from "/words.js";

let sorted = {}; // the latest edits by shot, because a film may have thousands

// Returns the index of the shot of a frame, -1 while it is not found.
export function shotOf(shots, frame) {
  let [low, high] = [0, shots.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (shots[middle].first <= frame) low = middle + 1;
    else high = middle;
  }
  const shot = shots[low - 1];
  return shot && frame < shot.first + shot.frames ? low - 1 : -1;
}

// Returns the hints and the frames of keyframes of a shot.
export function editsOfShot(shots, now, index) {
  if (sorted.now !== now || sorted.shots !== shots) {
    const hints = Map.groupBy(now.hints, (hint) => shotOf(shots, frameOf(hint)));
    const keys = Map.groupBy(Object.keys(now.keyframes ?? {}).map(Number), (frame) => shotOf(shots, frame));
    sorted = { now, shots, hints, keys };
  }
  return { hints: sorted.hints.get(index) ?? [], keys: sorted.keys.get(index) ?? [] };
}

// Returns how a shot is to be treated: "colorize", "leave", or "" for automatically.
export function wantedOf(now, index) {
  return now.shots[index + 1] ?? "";
}

// Returns a text that changes with what the shown colors of a frame depend on: its own hints, and what its shot has.
export function versionOf(shots, now, index, frame) {
  const { hints, references, shots: _, names, keyframes, ...rest } = now;
  const own = editsOfShot(shots, now, index);
  const here = own.hints.filter((hint) => frameOf(hint) === frame);
  const keys = own.keys.map((key) => [key, keyframes[key].id]);
  return JSON.stringify([written(here), references[index + 1] ?? null, wantedOf(now, index), keys, rest]);
}

// Returns what a shot has, in words.
export function marksOf(shots, now, index) {
  const { hints, keys } = editsOfShot(shots, now, index);
  const wanted = wantedOf(now, index);
  const found = [wanted && say(wanted === "leave" ? "leave" : "paint")];
  if (hints.length) found.push(say("hints_count", { count: hints.length }));
  if (keys.length) found.push(say("keyframes_count", { count: keys.length }));
  return found.filter(Boolean).join(" · ");
}
