/** Paths on this machine, told from URLs: taken as a path, `s3://bucket/x` would become a folder named `s3:`. */

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;

/** @returns `s3` for `s3://bucket/x`; null for a path */
export function schemeOf(text: string): string | null {
  return SCHEME.exec(text)?.[1]?.toLowerCase() ?? null;
}

/** @returns whether a text can be a path here: no file system has a NUL in a name, and some readers would end there */
export function isLocalPath(text: string): boolean {
  return text !== '' && !text.includes('\0') && schemeOf(text) === null;
}

/** @returns whether a text names what lies in object storage: `s3://bucket/x` */
export function isObject(text: string): boolean {
  return /^s3:\/\/[^/]/.test(text);
}
