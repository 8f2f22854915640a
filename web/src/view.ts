/** What a view's own module gives to the shell. */
export interface View {
  /** Called each time the view comes up, with what follows the view's name in the address. */
  enter?(argument: string): void;
  /** Called as another view takes its place. */
  leave?(): void;
}
