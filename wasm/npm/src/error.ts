/** What went wrong, for programs: see the README of the package for what to do about each. */
export type ErrorCode =
  | "Empty"
  | "NotAPicture"
  | "Unsupported"
  | "Broken"
  | "TooLarge"
  | "NoSimd"
  | "LoadFailed"
  | "ModelInvalid"
  | "NotInitialised"
  | "AlreadyInitialised"
  | "Disposed"
  | "Trapped"
  | "Internal";

/** Every error of this package but `AbortError`. */
export class NibbleError extends Error {
  override readonly name = "NibbleError";

  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * The package's error for one that the engine threw on purpose; these have a `code`. `undefined`
 * for anything else, which means that the call did not come to its end.
 */
export function fromEngine(thrown: unknown): NibbleError | undefined {
  if (thrown instanceof NibbleError) return thrown;
  if (!(thrown instanceof Error)) return undefined;
  const { code } = thrown as Error & { code?: ErrorCode };
  return typeof code === "string"
    ? new NibbleError(code, thrown.message, { cause: thrown })
    : undefined;
}
