// Keyframes: a frame is downloaded, colored with any program, and its copy dropped here; what it reaches can be seen.

import { ask, calm, complain, upload } from "/server.js";
import { say } from "/words.js";

const byId = (id) => document.getElementById(id);
let desk; // {film(), at(), edits(), change(changes), shotAt(frame), stage}

export function startKeyframes(with_) {
  desk = with_;
  byId("keyframe-file").addEventListener("change", (event) => {
    addKeyframes([...event.target.files], desk.at()).finally(() => (event.target.value = ""));
  });
  byId("keyframe-remove").addEventListener("click", () => removeKeyframe(desk.at()));
  byId("keyframe-reach").addEventListener("click", () => {
    const pressed = byId("keyframe-reach").getAttribute("aria-pressed") === "true";
    byId("keyframe-reach").setAttribute("aria-pressed", !pressed);
    showReach();
  });
}

// Shows where a picture that is dragged over the page would be dropped.
export function showDrop(target) {
  const films = byId("films");
  films.classList.toggle("dropping", Boolean(target && desk?.film()));
  films.querySelector(".drop-here")?.classList.remove("drop-here");
  if (desk?.film()) target?.closest?.("[data-frame]")?.classList.add("drop-here");
}

// Uploads colored copies of frames; the frames in their names count, else the given one.
export async function addKeyframes(files, frame) {
  for (const file of files) await addKeyframe(file, frame);
}

async function addKeyframe(file, frame) {
  calm();
  const film = desk.film();
  byId("keyframe-share").textContent = say("keyframe_reading", { name: file.name });
  try {
    const found = await upload(`/films/${film.id}/frames/${frame}/keyframe`, file);
    if (film.id !== desk.film()?.id) return;
    const { keyframes = {} } = desk.edits();
    desk.change({ keyframes: { ...keyframes, [found.frame]: { id: found.id, name: file.name } } });
    desk.go(found.frame);
  } catch (error) {
    complain(error);
  }
  byId("keyframe-share").textContent = "";
}

function removeKeyframe(frame) {
  const { [frame]: _, ...rest } = desk.edits().keyframes ?? {};
  desk.change({ keyframes: rest });
}

// Shows the state of the frame on the stage; any : whether its shot has a keyframe.
export function showKeyframe(any) {
  const [film, frame] = [desk.film(), desk.at()];
  const own = desk.edits().keyframes?.[frame];
  byId("frame-gray").href = `/films/${film.id}/frames/${frame}/file`;
  byId("frame-color").href = `/films/${film.id}/frames/${frame}/file?color`;
  const chip = byId("keyframe-remove");
  chip.hidden = !own;
  chip.textContent = `${own?.name ?? ""} ×`;
  chip.setAttribute("aria-label", say("keyframe_remove", { name: own?.name ?? "" }));
  byId("keyframe-reach").hidden = !any;
  if (!any) byId("keyframe-reach").setAttribute("aria-pressed", "false");
}

// Tints what the shot's keyframes do not reach, while this is switched on.
export async function showReach() {
  const { overlay } = desk.stage;
  const [film, frame] = [desk.film(), desk.at()];
  const on = byId("keyframe-reach").getAttribute("aria-pressed") === "true" && !byId("keyframe-reach").hidden;
  const share = byId("keyframe-share");
  if (!on) {
    overlay.hidden = true;
    share.textContent = "";
    return;
  }
  try {
    const answer = await ask(`/films/${film.id}/frames/${frame}/reach`);
    const blob = await answer.blob();
    if (film.id !== desk.film()?.id || frame !== desk.at()) return;
    if (overlay.src.startsWith("blob:")) URL.revokeObjectURL(overlay.src);
    overlay.src = URL.createObjectURL(blob);
    overlay.hidden = false;
    share.textContent = say("keyframe_share", { percent: Math.round(answer.headers.get("X-Share") * 100) });
  } catch (error) {
    complain(error);
  }
}
