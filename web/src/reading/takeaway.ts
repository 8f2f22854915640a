/** The buttons that take the reading on the screen out of the page: copy, save, share. */
import { at, oneStop } from "../dom";
import { beside, copy, json, save, share } from "../export";
import { t } from "../messages";
import type { Reading } from "./decode";
import { loaded } from "./problem";

/** What is taken: a reading, and the name of its picture. */
export interface Named extends Reading {
  name: string;
}

function say(done: boolean): void {
  at("said").textContent = t(done ? "copied" : "copyFailed");
}

/** Copies the fields with tabs between them, as a spreadsheet takes them. */
async function copyRow(shown: Named): Promise<void> {
  const { table, tabbed } = await loaded(import("./csv"));
  const row = { file: new File([], shown.name), reading: shown };
  say(await copy(tabbed(table([row]).slice(1))));
}

/** Copies the value of the field whose button was pressed, as it is shown. */
async function copyField(pressed: Element): Promise<void> {
  const shown = pressed.closest<HTMLElement>("[data-field]");
  if (!pressed.matches(".copy-field") || shown === null) return;
  const field = shown.parentElement?.querySelector("dt")?.textContent ?? "";
  if (await copy(shown.querySelector("bdi")?.textContent ?? ""))
    at("said").textContent = t("copiedField", { field });
  else say(false);
}

/** Wires the buttons. `current` returns the reading on the screen. */
export function wireTakeaway(current: () => Named | undefined): void {
  const on = (id: string, take: (shown: Named) => unknown) =>
    at(id).addEventListener("click", () => {
      const shown = current();
      if (shown !== undefined) void take(shown);
    });
  on("copy-row", copyRow);
  on("copy", async ({ result }) => say(await copy(json(result))));
  on("copy-lines", async ({ result }) => say(await copy(result.lines.join("\n"))));
  on("save", ({ result, name }) => save(json(result), beside(name, "json"), "application/json"));
  on("share", ({ result }) => share(result));
  at("fields").addEventListener(
    "click",
    ({ target }) => current() && void copyField(target as Element),
  );
  oneStop(at("fields"), ".copy-field");
}
