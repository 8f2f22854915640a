/** What both elements have in common: attributes, language, looks, and their worker. */
import { Client } from "./client.js";
import { textsOf, type Language, type Texts } from "./element-texts.js";
import { NibbleError, type ErrorCode } from "./error.js";
import type { Options } from "./files.js";
import type { DocumentFields, Precision, Result } from "./result.js";

/** Why there is no reading: an error of the package, or what only the elements know. */
export type TroubleCode =
  | ErrorCode
  /** The picture shows no machine-readable zone. */
  | "NoLines"
  /** The document is of a format that `formats` does not name. */
  | "OtherFormat"
  | "CameraDenied"
  | "CameraNone"
  | "CameraBusy"
  | "CameraLost"
  | "CameraInsecure";

/** The `detail` of the event `trouble`. */
export interface TroubleDetail {
  code: TroubleCode;
  message: string;
  /** The file that was to be read. */
  file?: File;
  /** The reading that was not accepted. */
  result?: Result;
}

let options: Omit<Options, "onProgress"> = {};

/** Says where the package's files are, as `init` does. Call it before the first reading. */
export function configure(given: Omit<Options, "onProgress">): void {
  options = given;
}

/**
 * Starts the worker of this package. A browser refuses scripts of another site as workers, but not a
 * script of this page that imports them.
 */
function newWorker(): Worker {
  const here = import.meta.url;
  if (new URL(here).origin === location.origin)
    return new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  const address = JSON.stringify(new URL("worker.js", here).href);
  const code = new Blob([`import ${address};`], { type: "text/javascript" });
  return new Worker(URL.createObjectURL(code), { type: "module" });
}

/** Makes a client with a worker of its own, which starts with the first request. */
export function newClient(): Client {
  return new Client({ worker: newWorker, options: () => options });
}

// On a server there are no elements; the classes are never made there.
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

const PRECISIONS: readonly string[] = ["u4", "u8", "f32"];

const STYLE = `
:host { display: block; font: var(--mrz-font, inherit); color: var(--mrz-color, inherit); }
:host([hidden]) { display: none; }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
button, .button {
  font: inherit; color: var(--mrz-on-accent, #fff); background: var(--mrz-accent, #0f5c55);
  border: 0; border-radius: var(--mrz-radius, 0.6rem); padding: 0.7em 1.2em; min-height: 44px;
  cursor: pointer; display: inline-block;
}
button:focus-visible, :focus-visible + .button, .view:focus-visible {
  outline: 3px solid var(--mrz-accent, #0f5c55); outline-offset: 2px;
}
p { margin: 0.5em 0; }
`;

/** Creates an element with attributes and children. */
export function el(
  tag: string,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElement {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** An element with a shadow root, and with what both have in common. */
export abstract class MrzElement extends Base {
  static readonly observedAttributes = ["language", "guide"];

  /** Where the element draws. */
  protected readonly root: ShadowRoot;

  constructor() {
    super();
    this.root = this.attachShadow({ mode: "open" });
  }

  connectedCallback(): void {
    this.draw();
  }

  attributeChangedCallback(): void {
    if (this.isConnected) this.draw();
  }

  /** The arithmetic of the network, from the attribute `precision`. */
  get precision(): Precision {
    const asked = this.getAttribute("precision") ?? "u4";
    return (PRECISIONS.includes(asked) ? asked : "u4") as Precision;
  }
  set precision(value: Precision) {
    this.setAttribute("precision", value);
  }

  /** The formats that are accepted, from the attribute `formats`; empty if all are. */
  get formats(): string[] {
    return (this.getAttribute("formats") ?? "").split(/[\s,]+/).filter((name) => name !== "");
  }
  set formats(value: readonly string[]) {
    this.setAttribute("formats", value.join(" "));
  }

  /** The language of the texts: the attribute `language`, or that of the page around. */
  get language(): Language {
    const around = this.closest<HTMLElement>("[lang]")?.lang ?? "";
    const wanted = [this.getAttribute("language") ?? around, ...navigator.languages];
    const known = wanted.map((tag) => tag.split("-")[0] ?? "").find((tag) => tag in textsOf);
    return (known ?? "en") as Language;
  }
  set language(value: Language) {
    this.setAttribute("language", value);
  }

  /** The direction of writing. */
  protected get direction(): "ltr" | "rtl" {
    return this.language === "ar" ? "rtl" : "ltr";
  }

  protected get texts(): Texts {
    return textsOf[this.language];
  }

  /** Whether a document's format is accepted. */
  protected accepts(document: DocumentFields | null): boolean {
    return document === null || this.formats.length === 0 || this.formats.includes(document.format);
  }

  protected abstract draw(): void;

  /** Draws with a style of its own. Policies that forbid styles in the page let these through. */
  protected fill(css: string, ...nodes: Node[]): void {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE + css);
    this.root.adoptedStyleSheets = [sheet];
    this.root.replaceChildren(...nodes);
  }

  /** The part of the shadow tree with a name. */
  protected at<T extends Element = HTMLElement>(name: string): T {
    return this.root.querySelector(`[part~="${name}"]`) as T;
  }

  protected tell(type: "reading" | "progress" | "trouble", detail: object): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }

  protected tellTrouble(thrown: unknown, more: Partial<TroubleDetail> = {}): void {
    const code = thrown instanceof NibbleError ? thrown.code : "Internal";
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    this.tell("trouble", { code, message, ...more });
  }
}
