/** What is wrong with a module that was bundled, in the words of a definition's mistakes. */
export class BundleFault extends Error {
  /** Relative to the folder; null: it is of no file. */
  readonly file: string | null;
  readonly line: number;

  constructor(message: string, file: string | null, line: number) {
    super(message);
    this.file = file;
    this.line = line;
  }
}
