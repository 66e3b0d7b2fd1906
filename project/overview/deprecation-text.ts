/** That a definition will go, in the words of commands and pages. */
import type { Deprecation } from '../../contract/model.ts';

/** @returns `deprecated from 2027-01-31 on: use purchases@v2` */
export function deprecationText({ date, successor }: Deprecation): string {
  return `deprecated from ${date} on${successor === null ? '' : `: use ${successor}`}`;
}
