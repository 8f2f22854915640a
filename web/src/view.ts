/** A view, as its module gives it to the shell. */
export interface View {
  /** Called whenever the view is shown, with the part of the address after the view's name. */
  enter?(argument: string): void;
  /** Called when another view is shown instead. */
  leave?(): void;
}
