/** What went wrong, for programs. The package's README says what to do about each code. */
export type ErrorCode =
  | "InvalidArgument"
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

/** The type of every error that this package throws, except `AbortError`. */
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
 * Converts an error that the engine threw deliberately: such an error has a `code`. Returns
 * `undefined` for anything else, which means that the call was interrupted.
 */
export function fromEngine(thrown: unknown): NibbleError | undefined {
  if (thrown instanceof NibbleError) return thrown;
  if (!(thrown instanceof Error)) return undefined;
  const { code } = thrown as Error & { code?: ErrorCode };
  return typeof code === "string"
    ? new NibbleError(code, thrown.message, { cause: thrown })
    : undefined;
}
