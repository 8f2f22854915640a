/** Takes up what `inline.ts` has begun before the page's own script was there. */

/** Requests by absolute address. */
type Requests = Map<string, Promise<Response>>;

/** What was begun. */
export interface Early {
  /** For files of the package. */
  readonly files: Requests;
  readonly samples: Requests;
  /** Does again what was pressed last; undefined if nothing was. */
  press?: () => void;
  /** Ends the remembering. */
  end(): void;
}

declare global {
  /** Undefined where the page is served without that script: by the development server. */
  var early: Early | undefined;
}

const { early } = globalThis;

/** Takes the requests for files of the package, once. */
export function takeFiles(): [string, Promise<Response>][] {
  const requests = [...(early?.files ?? [])];
  early?.files.clear();
  return requests;
}

/** Takes the request for a sample, once; undefined if there is none. */
export function takeSample(address: string): Promise<Response> | undefined {
  const request = early?.samples.get(address);
  early?.samples.delete(address);
  return request;
}

/** Takes the presses over from the script, and returns what does the last one; call it once. */
export function takePress(): (() => void) | undefined {
  early?.end();
  return early?.press;
}
