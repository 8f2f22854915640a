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
  | "Disposed"
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

/** The package's error for anything thrown by the engine. */
export function fromEngine(thrown: unknown): NibbleError {
  if (thrown instanceof NibbleError) return thrown;
  if (thrown instanceof Error) {
    const code = (thrown as Error & { code?: ErrorCode }).code ?? "Internal";
    return new NibbleError(code, thrown.message, { cause: thrown });
  }
  return new NibbleError("Internal", String(thrown));
}
