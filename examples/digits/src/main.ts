/** Draws what the pointer or the arrow keys write, and shows what the network makes of it. */
import { type Stroke, draw, imageOf } from "./image";
import type { Answer } from "./worker";

const canvas = document.querySelector<HTMLCanvasElement>("#canvas")!;
const digit = document.querySelector<HTMLElement>("#digit")!;
const status = document.querySelector<HTMLElement>("#status")!;
const time = document.querySelector<HTMLElement>("#time")!;
const seen = document.querySelector<HTMLCanvasElement>("#seen")!;
const bars = Array.from({ length: 10 }, (_, label) => {
  const meter = Object.assign(document.createElement("meter"), { min: 0, max: 1, value: 0 });
  const share = Object.assign(document.createElement("td"), { textContent: "–" });
  meter.setAttribute("aria-hidden", "true");
  const cell = document.createElement("td");
  cell.append(meter);
  const head = Object.assign(document.createElement("th"), { scope: "row", textContent: label });
  const row = document.createElement("tr");
  row.append(head, cell, share);
  document.querySelector("#scores")!.append(row);
  return { meter, share, row };
});

/** Side of the canvas in its own units. */
const SIDE = canvas.width;
const PEN = 22;
/** What a key moves the pen by. */
const STEP = 14;

let strokes: Stroke[] = [];
/** The pen of the keyboard: where it is, and whether it is down. */
let pen: { x: number; y: number; down: boolean } | undefined;

const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
/** A picture that was drawn while the worker had another one. */
let waiting: Uint8Array | undefined;
let isBusy = false;

function send(image: Uint8Array): void {
  if (isBusy) {
    waiting = image;
    return;
  }
  isBusy = true;
  worker.postMessage(image);
}

worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => {
  isBusy = false;
  if ("error" in data) {
    status.textContent = data.error;
    return;
  }
  if (strokes.length > 0) show(data);
  if (waiting !== undefined) {
    const image = waiting;
    waiting = undefined;
    send(image);
  }
});
worker.addEventListener("error", ({ message }) => (status.textContent = message));

/** Says the digit once the drawing has come to rest: not at every move. */
let saying: ReturnType<typeof setTimeout> | undefined;
function say(text: string): void {
  clearTimeout(saying);
  saying = setTimeout(() => (status.textContent = text), 400);
}

function show({ scores, ms }: Exclude<Answer, { error: string }>): void {
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  const best = scores.indexOf(largest);
  bars.forEach(({ meter, share, row }, label) => {
    const part = powers[label]! / sum;
    meter.value = part;
    share.textContent = `${Math.round(100 * part)} %`;
    row.className = label === best ? "best" : "";
  });
  digit.textContent = String(best);
  time.textContent = `${(1000 * ms).toFixed(0)} µs`;
  say(`This looks like ${best}, ${Math.round(100 / sum)} %.`);
}

/** Shows the 8 x 8 bytes that the network reads. */
function showSeen(image: Uint8Array): void {
  const context = seen.getContext("2d")!;
  const pixels = context.createImageData(8, 8);
  image.forEach((byte, at) => pixels.data.set([255 - byte, 255 - byte, 255 - byte, 255], 4 * at));
  context.putImageData(pixels, 0, 0);
}

let drawing: number | undefined;
/** Draws at the next frame, and has the worker look. */
function change(): void {
  drawing ??= requestAnimationFrame(() => {
    drawing = undefined;
    const context = canvas.getContext("2d")!;
    context.clearRect(0, 0, SIDE, SIDE);
    context.strokeStyle = "#1a1a1a";
    draw(context, strokes, PEN);
    if (pen !== undefined && document.activeElement === canvas) {
      context.strokeStyle = pen.down ? "#b00020" : "#0f7a70";
      context.lineWidth = 3;
      context.beginPath();
      context.arc(pen.x, pen.y, PEN / 2 + 3, 0, 2 * Math.PI);
      context.stroke();
    }
    const image = imageOf(strokes);
    if (image === undefined) return;
    showSeen(image);
    send(image);
  });
}

function clear(): void {
  strokes = [];
  waiting = undefined;
  if (pen !== undefined) pen.down = false;
  digit.textContent = "";
  time.textContent = "–";
  seen.getContext("2d")!.clearRect(0, 0, 8, 8);
  for (const { meter, share, row } of bars) {
    meter.value = 0;
    share.textContent = "–";
    row.className = "";
  }
  say("The canvas is empty.");
  change();
}

function pointOf(event: PointerEvent): [number, number] {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  return [((event.clientX - left) / width) * SIDE, ((event.clientY - top) / height) * SIDE];
}

/** The pointer that draws, and its stroke. */
let stroke: { pointer: number; points: Stroke } | undefined;
canvas.addEventListener("pointerdown", (event) => {
  if (stroke !== undefined || event.button !== 0) return;
  canvas.setPointerCapture(event.pointerId);
  pen = undefined;
  stroke = { pointer: event.pointerId, points: [pointOf(event)] };
  strokes.push(stroke.points);
  change();
});
canvas.addEventListener("pointermove", (event) => {
  if (stroke?.pointer !== event.pointerId) return;
  const moves = event.getCoalescedEvents?.() ?? [];
  for (const move of moves.length > 0 ? moves : [event]) stroke.points.push(pointOf(move));
  change();
});
for (const end of ["pointerup", "pointercancel"] as const)
  canvas.addEventListener(end, ({ pointerId }) => {
    if (stroke?.pointer === pointerId) stroke = undefined;
  });

const MOVES: Record<string, readonly [number, number]> = {
  ArrowLeft: [-STEP, 0],
  ArrowRight: [STEP, 0],
  ArrowUp: [0, -STEP],
  ArrowDown: [0, STEP],
};
canvas.addEventListener("keydown", (event) => {
  pen ??= { x: SIDE / 2, y: SIDE / 4, down: false };
  const move = MOVES[event.key];
  if (move !== undefined) {
    const inside = (value: number) => Math.min(SIDE - PEN, Math.max(PEN, value));
    pen.x = inside(pen.x + move[0]);
    pen.y = inside(pen.y + move[1]);
    if (pen.down) strokes.at(-1)?.push([pen.x, pen.y]);
  } else if (event.key === " ") {
    pen.down = !pen.down;
    if (pen.down) strokes.push([[pen.x, pen.y]]);
    else say("The pen is up.");
  } else if (event.key === "Delete" || event.key === "Backspace") {
    clear();
  } else {
    return;
  }
  event.preventDefault();
  change();
});
canvas.addEventListener("focus", change);
canvas.addEventListener("blur", change);
document.querySelector("#clear")!.addEventListener("click", clear);
