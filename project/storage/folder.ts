/**
 * A folder of tables: on this machine (local-folder.ts), or a prefix in object storage (object-folder.ts). The log of a
 * Delta table, the files that it names and what lies beside them are written and read by these calls alone, so that the
 * rules of history and archive are written once.
 *
 * A file is there whole or not at all, under its name, and stays there when the call has returned. Data files are made
 * on this machine first and then brought.
 */
export interface Folder {
  /** As people and DuckDB know it, absolute and without a slash at its end: `/data/history`, `s3://lake/history`. */
  readonly path: string;
  /** The folder below it. */
  below(...names: string[]): Folder;
  /** @returns the path of a file in it, as `path` is one */
  fileOf(name: string): string;
  /** @returns the names of what lies directly in it, files and folders, sorted; empty where there is no such folder */
  names(): Promise<string[]>;
  /** @returns null where there is no such file */
  read(name: string): Promise<string | null>;
  has(name: string): Promise<boolean>;
  /** Writes a file whole, in place of one that is there. */
  write(name: string, text: string): Promise<void>;
  /** @returns false where a file of that name is there, with another text: it has not changed then */
  create(name: string, text: string): Promise<boolean>;
  /** @returns where a file can be made on this machine that is then brought; who makes it removes it when that fails */
  asideOf(name: string): string;
  /** Brings files that were made on this machine to their places; they are gone from where they were. */
  bring(files: readonly BroughtFile[]): Promise<void>;
  /** Gives a file another name, in place of one that is there. Nothing happens where it is gone. */
  move(from: string, to: string): Promise<void>;
  /** Copies a file to a path on this machine. @returns false where it is gone */
  fetch(name: string, to: string): Promise<boolean>;
  /** Nothing happens where it is gone. */
  remove(name: string): Promise<void>;
  /** @returns when a file came to its name, in milliseconds of the clock of the folder; Infinity: it is gone */
  changedMs(name: string): Promise<number>;
  /**
   * Makes the folder, before the first table of it is written.
   *
   * @throws REG_STORE where `create` could not keep its word
   */
  make(): Promise<void>;
}

export interface BroughtFile {
  /** On this machine; on the folder's volume, where that is on this machine, too. */
  readonly from: string;
  /** The name below the folder. */
  readonly to: string;
}
