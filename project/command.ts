/** What every command of the command line gets from the front door, and how it gives its result back. */
import { definitionName } from '../contract/wire/online/row-header.ts';
import type { SettingFlags } from './settings/setting-sources.ts';
import { canonicalJson } from '../contract/std/canonical-json.ts';
import type { CodedError } from '../contract/std/coded-error.ts';
import type { Logger } from '../contract/std/logger.ts';

export interface CommandContext {
  /** The project's folder: `-C DIR`, else the current one. */
  readonly folder: string;
  /** Whether data goes out as JSON. */
  readonly json: boolean;
  /** Whether stdout is a terminal that shows colours. */
  readonly color: boolean;
  readonly logger: Logger;
  /** Settings given with `--set path=value`. */
  readonly flags: SettingFlags;
  /** From now on an error that ends the command is told by `by`, which also gets the sentence of the front door. */
  tellErrors(by: (error: CodedError, sentence: string) => void): void;
  /** Writes data to stdout, behind a text a newline. Resolves when the reader has taken it. */
  print(data: string | Uint8Array): Promise<void>;
}

/** The exit code of a command that ran to its end: 0 done, 1 a check did not hold, 3 not enough data. */
export type ExitCode = 0 | 1 | 3;

/** Prints a result for people, or as one JSON text where `--json` asks for it. */
export async function printResult(
  context: CommandContext,
  data: unknown,
  render: () => string,
): Promise<void> {
  await context.print(context.json ? jsonText(data) : render());
}

/**
 * JSON with int64 as text, definition ids as 8 hex digits and maps as objects; keys in byte order, so that equal
 * results have equal text.
 */
export function jsonText(data: unknown): string {
  const plain: unknown = JSON.parse(
    JSON.stringify(data, (name, value: unknown) => {
      if (typeof value === 'bigint') return value.toString();
      if (name === 'definitionId' && typeof value === 'number') return definitionName(value);
      return value instanceof Map ? Object.fromEntries(value) : value;
    }),
  );
  return canonicalJson(plain as Parameters<typeof canonicalJson>[0]);
}
