/**
 * The one class of error that programs throw on purpose. Each program keeps a table of codes in its own
 * `errors.ts`; only a front (the HTTP server, the command line) turns a code into a status or an exit code.
 */

/** What to do with an error: 2 usage or configuration, 3 not enough data, 4 failed (the exit codes). */
export type ErrorKind = 'usage' | 'not-enough-data' | 'failed' | 'check-failed';

export interface ErrorEntry {
  /** One sentence on what is wrong in general; the documentation's table is generated from it. */
  readonly message: string;
  /** What the reader should do next. */
  readonly help: string;
  readonly kind: ErrorKind;
}

export interface ErrorDetails {
  /** The field, flag or setting at fault. */
  readonly field?: string;
  readonly file?: string;
  readonly line?: number;
  readonly help?: string;
}

export class CodedError extends Error {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly details: ErrorDetails;

  constructor(
    { code, kind }: Pick<CodedError, 'code' | 'kind'>,
    message: string,
    details: ErrorDetails = {},
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'CodedError';
    this.code = code;
    this.kind = kind;
    this.details = details;
  }
}

/**
 * Makes the function that throws a program's errors from its table.
 *
 * @returns  `(code, message, details?, cause?) => CodedError`; `help` comes from the table unless given
 */
export function errorsOf<Code extends string>(table: Readonly<Record<Code, ErrorEntry>>) {
  return (code: Code, message: string, details: ErrorDetails = {}, cause?: unknown): CodedError => {
    const entry = table[code];
    return new CodedError({ code, kind: entry.kind }, message, { help: entry.help, ...details }, cause);
  };
}
