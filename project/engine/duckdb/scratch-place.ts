/** Where DuckDB puts its own files: its database, its log, what memory does not hold. */

interface ScratchPlace {
  readonly file?: string;
  readonly tempFolder?: string;
}

/**
 * DuckDB takes a `?` in the path of a file for the beginning of options and puts the name of its log before it, in a
 * folder that is not there. Of such a file only the folder is used, for what does not fit in memory.
 */
export function placeOf({ file, tempFolder }: ScratchPlace): ScratchPlace {
  return file?.includes('?') === true ? { tempFolder: tempFolder ?? `${file}.tmp` } : { file, tempFolder };
}

/** Whether DuckDB put the file there by itself: its database, its log, what memory does not hold. */
export function isScratch(path: string, { file, tempFolder }: ScratchPlace): boolean {
  return [file, tempFolder].some((own) => own !== undefined && path.startsWith(own));
}
