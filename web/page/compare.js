// The divider between gray and color: at rest at the left edge, where all is in color.

const STEP = 5; // percent, by an arrow key

// Lets a divider be moved by dragging, clicking (all gray, all in color) and keys; show : shows a percentage of gray.
// Returns a function that toggles between gray and color.
export function makeDivider(divider, pictures, show) {
  let percent = 0;
  const move = (wanted) => {
    percent = Math.min(Math.max(wanted, 0), 100);
    divider.style.setProperty("--split", `${percent}%`);
    divider.classList.toggle("edge", percent === 0 || percent === 100);
    divider.setAttribute("aria-valuenow", Math.round(percent));
    show(percent);
  };
  const toggle = () => move(percent ? 0 : 100);
  divider.addEventListener("pointerdown", (event) => {
    event.stopPropagation();
    event.preventDefault();
    divider.focus({ preventScroll: true });
    const box = pictures.getBoundingClientRect();
    let moved = false;
    const moving = ({ clientX }) => {
      moved ||= Math.abs(clientX - event.clientX) > 3;
      if (moved) move(((clientX - box.left) / box.width) * 100);
    };
    divider.setPointerCapture(event.pointerId);
    divider.addEventListener("pointermove", moving);
    const end = ({ type }) => {
      divider.removeEventListener("pointermove", moving);
      if (type === "pointerup" && !moved) toggle();
    };
    divider.addEventListener("pointerup", end, { once: true });
    divider.addEventListener("pointercancel", end, { once: true });
  });
  divider.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -STEP, ArrowDown: -STEP, ArrowRight: STEP, ArrowUp: STEP, Home: -100, End: 100 };
    if (event.key === "Enter" || event.key === " ") toggle();
    else if (event.key in steps) move(percent + steps[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  move(0);
  return toggle;
}
