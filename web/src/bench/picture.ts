/** Exports a result as a picture: its charts below a title, as on the page. */
import type uPlot from "uplot";
import { madeOf, type Source } from "./source";
import { PRECISIONS } from "./measured";
import { t } from "./messages";

const MARGIN = 24;
const LINE = 22;

/** Draws the charts as a PNG in the page's colours. */
export async function picture(source: Source, charts: readonly uPlot[]): Promise<Blob> {
  const scale = devicePixelRatio;
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const canvases = charts.map((chart) => chart.ctx.canvas);
  const width = Math.max(...canvases.map((canvas) => canvas.width)) + 2 * MARGIN * scale;
  const height = canvases.reduce(
    (sum, canvas) => sum + canvas.height + 2 * LINE * scale,
    5 * LINE * scale + MARGIN * scale,
  );
  const sheet = document.createElement("canvas");
  Object.assign(sheet, { width, height });
  const context = sheet.getContext("2d");
  if (context === null) throw new Error("no canvas");
  context.fillStyle = color("--card");
  context.fillRect(0, 0, width, height);
  context.scale(scale, scale);
  const write = (text: string, x: number, y: number, weight: number, fill: string) => {
    context.font = `${weight} 14px ${getComputedStyle(document.body).fontFamily}`;
    context.fillStyle = fill;
    context.fillText(text, x, y, width / scale - x - MARGIN);
    return context.measureText(text).width;
  };
  const { made, noisy } = source.measured;
  let y = MARGIN + LINE / 2;
  write(`Nibble – ${source.title}`, MARGIN, y, 700, color("--ink"));
  write(source.measured.device, MARGIN, (y += LINE), 400, color("--soft"));
  if (made !== undefined) write(madeOf(made), MARGIN, (y += LINE), 400, color("--soft"));
  if (noisy) write(t("noisy"), MARGIN, (y += LINE), 600, color("--warn"));
  y += LINE;
  PRECISIONS.reduce((x, precision) => {
    context.fillStyle = color(`--bar-${precision}`);
    context.fillRect(x, y - 11, 12, 12);
    return x + 20 + write(t(precision), x + 18, y, 400, color("--soft")) + 20;
  }, MARGIN);
  canvases.forEach((canvas, index) => {
    y += 1.5 * LINE;
    write(t(index === 0 ? "ratios" : "absolute"), MARGIN, y, 600, color("--ink"));
    y += LINE / 2;
    context.drawImage(canvas, MARGIN, y, canvas.width / scale, canvas.height / scale);
    y += canvas.height / scale;
  });
  return new Promise((resolve, reject) =>
    sheet.toBlob(
      (blob) => (blob === null ? reject(new Error("no picture")) : resolve(blob)),
      "image/png",
    ),
  );
}
