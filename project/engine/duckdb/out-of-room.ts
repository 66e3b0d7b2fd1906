/** What DuckDB lacks, memory or room on a disk, for people: with the setting that gives it more. */
import { registryError } from '../../../contract/errors.ts';
import type { CodedError } from '../../../contract/std/coded-error.ts';

const SMALLER = 'make room on the disk of its temporary files, or ask for less at once.';

export function outOfMemory(why: string, setting: string | undefined, cause: unknown): CodedError {
  const more = setting === undefined ? {} : { field: setting, help: `Raise \`${setting}\`, ${SMALLER}` };
  return registryError('REG_MEMORY', `DuckDB has not enough memory: ${why}`, more, cause);
}

export function outOfSpace(path: string, setting: string | undefined, cause: unknown): CodedError {
  const elsewhere = setting === undefined ? '' : `, or let \`${setting}\` name a folder of another disk`;
  const field = setting === undefined ? {} : { field: setting };
  const what = `no space is left for ${path}, in which DuckDB keeps what memory does not hold`;
  return registryError('REG_MEMORY', what, { ...field, help: `Make room there${elsewhere}.` }, cause);
}
