// Strokes of a brush, as lines in pixels of the photo: {color, radius, points: [[x, y], ...]}.

// Draws strokes on a canvas that shows a part of a photo.
// view : {width, height} of the canvas in its pixels, {x, y} the photo's place in its corner, its pixels per photo's pixel
export function drawStrokes(canvas, strokes, { width, height, x, y, scale }) {
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext("2d");
  pen.translate(-x * scale, -y * scale);
  pen.lineCap = pen.lineJoin = "round";
  for (const { color, radius, points } of strokes) {
    pen.strokeStyle = color;
    pen.lineWidth = radius * 2 * scale;
    pen.beginPath();
    for (const [px, py] of points) pen.lineTo((px + 0.5) * scale, (py + 0.5) * scale);
    if (points.length === 1) pen.lineTo((points[0][0] + 0.6) * scale, (points[0][1] + 0.5) * scale);
    pen.stroke();
  }
}

// Returns what is left of strokes, an array for each, if an eraser of a radius passes over some points.
export function erased(strokes, eraser, radius) {
  return strokes.map((stroke) => {
    const near = ([x, y]) => distance(eraser, x, y) < radius + stroke.radius;
    const dense = densified(stroke.points, Math.max(stroke.radius / 2, 1));
    if (!dense.some(near)) return [stroke];
    const parts = [[]];
    for (const point of dense) {
      if (!near(point)) parts.at(-1).push(point);
      else if (parts.at(-1).length) parts.push([]);
    }
    return parts.filter((points) => points.length > 1).map((points) => ({ ...stroke, points }));
  });
}

// Returns the distance of a place from a line of points.
function distance(line, x, y) {
  let least = Infinity;
  for (let i = 0; i < line.length; i += 1) {
    const [ax, ay] = line[Math.max(i - 1, 0)];
    const [bx, by] = line[i];
    const [dx, dy] = [bx - ax, by - ay];
    const along = Math.min(Math.max(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1), 0), 1);
    least = Math.min(least, Math.hypot(ax + along * dx - x, ay + along * dy - y));
  }
  return least;
}

// Adds points to a line, so that neighbors are at most a step apart.
function densified(points, step) {
  return points.flatMap(([x, y], i) => {
    if (!i) return [[x, y]];
    const [px, py] = points[i - 1];
    const count = Math.max(Math.ceil(Math.hypot(x - px, y - py) / step), 1);
    return Array.from({ length: count }, (_, k) => [px + ((x - px) * (k + 1)) / count, py + ((y - py) * (k + 1)) / count]);
  });
}
