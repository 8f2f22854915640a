/** Shows the camera's frames, or a picture, and where the network finds codes in them. */
import { boxesOf } from "./cells";
import type { Answer, Found, Frame } from "./worker";

const find = <E extends Element>(selector: string) => document.querySelector<E>(selector)!;
const frame = find<HTMLCanvasElement>("#frame");
const map = find<HTMLCanvasElement>("#map");
const seen = find<HTMLCanvasElement>("#seen");
const button = find<HTMLButtonElement>("#camera");
const status = find<HTMLElement>("#status");
const codes = find<HTMLElement>("#codes");
const time = find<HTMLElement>("#time");
const rate = find<HTMLElement>("#rate");

/** The longer side of what the network reads, in pixels, as in training. */
const SIDE = 160;
/** The longer side of what is shown. */
const SHOWN = 640;
/** Browsers round their clocks, so a picture is run several times. */
const RUNS = 20;

const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
/** Takes the worker's answer; the worker has one frame at a time. */
let answered: ((answer: Answer) => void) | undefined;
worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => answered?.(data));
worker.addEventListener("error", ({ message }) => answered?.({ error: message }));

/** Says a text once it has stood for a moment, so that a text of a single frame is not said. */
let said = "";
let saying: ReturnType<typeof setTimeout> | undefined;
function say(text: string): void {
  if (text === said) return;
  said = text;
  clearTimeout(saying);
  saying = setTimeout(() => (status.textContent = text), 300);
}

function resize(canvas: HTMLCanvasElement, width: number, height: number): void {
  // Setting a size clears the canvas, even if the size stays the same.
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

/** Draws a picture on a canvas, scaled so that its longer side has `side` pixels. */
function draw(canvas: HTMLCanvasElement, source: Source, side: number): CanvasRenderingContext2D {
  const scale = side / Math.max(source.width, source.height);
  resize(canvas, Math.round(source.width * scale), Math.round(source.height * scale));
  const context = canvas.getContext("2d", { willReadFrequently: canvas === seen })!;
  context.imageSmoothingQuality = "high";
  context.drawImage(source.image, 0, 0, canvas.width, canvas.height);
  return context;
}

interface Source {
  image: CanvasImageSource;
  width: number;
  height: number;
}

let turn: Promise<unknown> = Promise.resolve();
/** Shows a picture, has the network look at it, and shows what it finds: one at a time. */
function look(source: Source, runs: number): Promise<Found | undefined> {
  const found = turn.then(() => lookNow(source, runs));
  turn = found.catch(() => undefined);
  return found;
}

async function lookNow(source: Source, runs: number): Promise<Found | undefined> {
  draw(frame, source, SHOWN);
  const context = draw(seen, source, SIDE);
  const { width, height } = seen;
  const pixels = context.getImageData(0, 0, width, height);
  const { data } = pixels;
  const gray = new Uint8Array(width * height);
  for (let at = 0, from = 0; at < gray.length; at++, from += 4) {
    const level = Math.round(
      0.299 * data[from]! + 0.587 * data[from + 1]! + 0.114 * data[from + 2]!,
    );
    gray[at] = data[from] = data[from + 1] = data[from + 2] = level;
  }
  context.putImageData(pixels, 0, 0);
  const answer = await new Promise<Answer>((resolve) => {
    answered = resolve;
    worker.postMessage({ gray, width, height, runs } satisfies Frame, [gray.buffer]);
  });
  answered = undefined;
  if ("error" in answer) {
    say(answer.error);
    return undefined;
  }
  show(answer);
  return answer;
}

function show({ chances, rows, columns }: Found): void {
  const cell = (SHOWN / SIDE) * 8;
  resize(map, frame.width, frame.height);
  const context = map.getContext("2d")!;
  context.clearRect(0, 0, map.width, map.height);
  chances.forEach((chance, at) => {
    context.fillStyle = `rgb(0 200 180 / ${0.5 * chance})`;
    context.fillRect((at % columns) * cell, Math.floor(at / columns) * cell, cell, cell);
  });
  const boxes = boxesOf(chances, rows, columns);
  context.lineWidth = 4;
  context.strokeStyle = "#ffd400";
  for (const { left, top, right, bottom } of boxes)
    context.strokeRect(left * cell, top * cell, (right - left) * cell, (bottom - top) * cell);
  // Scripts and tests find the boxes here, in cells.
  map.dataset.boxes = JSON.stringify(boxes);
  codes.textContent = String(boxes.length);
  say(
    boxes.length === 0 ? "No code." : boxes.length === 1 ? "One code." : `${boxes.length} codes.`,
  );
}

const milliseconds = (ms: number) =>
  ms < 1 ? `${(1000 * ms).toFixed(0)} µs` : `${ms.toFixed(1)} ms`;

let still: Source | undefined;
/** Looks at a picture. */
async function showPicture(address: string): Promise<void> {
  const image = new Image();
  image.src = address;
  try {
    await image.decode();
  } catch {
    say("The browser cannot show this file as a picture.");
    return;
  }
  still = { image, width: image.naturalWidth, height: image.naturalHeight };
  await showStill();
}

async function showStill(): Promise<void> {
  if (still === undefined) return;
  const found = await look(still, RUNS);
  time.textContent = found === undefined ? "–" : milliseconds(found.ms);
}

/** The camera, while it runs. */
let stream: MediaStream | undefined;

async function startCamera(): Promise<void> {
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "environment", width: 640, height: 480, frameRate: { ideal: 60 } },
    });
    video.srcObject = stream;
    await video.play();
  } catch {
    stopCamera();
    status.textContent = "There is no camera, or it may not be used. The picture stays.";
    return;
  }
  const mine = stream;
  mine.getVideoTracks()[0]?.addEventListener("ended", () => {
    if (stream === mine) void stop();
  });
  button.setAttribute("aria-pressed", "true");
  /** When the frames of the last second were done, and how long their runs took. */
  let last: { at: number; ms: number }[] = [];
  let shownAt = performance.now();
  while (stream === mine) {
    await nextFrame(video);
    if (stream !== mine) break;
    const source = { image: video, width: video.videoWidth, height: video.videoHeight };
    const found = await look(source, 1);
    if (found === undefined) return stopCamera();
    const now = performance.now();
    last = [...last.filter(({ at }) => at > now - 1000), { at: now, ms: found.ms }];
    if (now - shownAt > 1000 && stream === mine) {
      shownAt = now;
      time.textContent = milliseconds(last.reduce((sum, { ms }) => sum + ms, 0) / last.length);
      rate.textContent = String(last.length);
    }
  }
}

/** Resolves at the next frame that the camera delivers. */
const nextFrame = (video: HTMLVideoElement) =>
  new Promise<unknown>((resolve) =>
    "requestVideoFrameCallback" in video
      ? video.requestVideoFrameCallback(resolve)
      : requestAnimationFrame(resolve),
  );

function stopCamera(): void {
  stream?.getTracks().forEach((track) => track.stop());
  stream = undefined;
  button.setAttribute("aria-pressed", "false");
  rate.textContent = "–";
}

async function stop(): Promise<void> {
  stopCamera();
  await showStill();
}

button.addEventListener("click", () => void (stream === undefined ? startCamera() : stop()));
find<HTMLInputElement>("#file").addEventListener("change", ({ target }) => {
  const file = (target as HTMLInputElement).files?.[0];
  if (file === undefined) return;
  stopCamera();
  void showPicture(URL.createObjectURL(file));
});
void showPicture(new URL("../picture.svg", import.meta.url).href);
