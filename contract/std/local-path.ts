/** Paths on this machine, told from URLs: taken as a path, `s3://bucket/x` would become a folder named `s3:`. */

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;

/** @returns `s3` for `s3://bucket/x`; null for a path */
export function schemeOf(text: string): string | null {
  return SCHEME.exec(text)?.[1]?.toLowerCase() ?? null;
}
