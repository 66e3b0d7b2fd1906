/**
 * Definition files are the project's code and run inside plumb. While a file is read, it must not end the process, and
 * it must not add properties to every object of plumb; what it throws is reported with its file and line. Called by
 * load.ts, and by plumb.ts for what is thrown after a file was read.
 */
import { existsSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { Mistakes } from '../../contract/definitions/mistake.ts';
import { registryError } from '../../contract/errors.ts';
import type { CodedError } from '../../contract/std/coded-error.ts';

/** Added to the URL of every definition module, so that every stack through such a module contains it. */
export const DEFINITIONS_MARK = '?definitions';

/** The functions that end the process: `exit` calls `reallyExit`, but a file may call that too. */
const ENDINGS = ['exit', 'reallyExit', 'abort', 'kill'] as const;

let isAnyRead = false;
let mayEnd = false;

/** @returns what `load` gives. A call in it that would end the process throws instead, with its place in the stack */
export async function withoutEnd<Result>(load: () => Promise<Result>): Promise<Result> {
  isAnyRead = true;
  const own = process as unknown as Record<(typeof ENDINGS)[number], (...args: unknown[]) => unknown>;
  const before = ENDINGS.map((name) => own[name]);
  for (const [i, name] of ENDINGS.entries()) {
    own[name] = (...args) => {
      if (mayEnd || (name === 'kill' && !isEndOfPlumb(args))) return before[i]!.apply(process, args);
      throw new Error(`process.${name} was called, which would end plumb in the middle of its work`);
    };
  }
  syncBuiltinESMExports();
  try {
    return await load();
  } finally {
    for (const [i, name] of ENDINGS.entries()) own[name] = before[i]!;
    syncBuiltinESMExports();
  }
}

/** Signal 0 ends no process; process 0 and negative numbers stand for groups. */
function isEndOfPlumb([pid, signal]: unknown[]): boolean {
  return signal !== 0 && (pid === 0 || Math.abs(Number(pid)) === process.pid);
}

/** Lets plumb end from now on, also while a definition file is read. */
export function allowEnd(): void {
  mayEnd = true;
}

const CLASSES = { Object, Array, Function, String, Number, Boolean, Promise, Map, Set, Date, RegExp, Error };

/**
 * Removes the properties that code added to every object or list: a loop over any object's properties would meet them.
 *
 * @returns the names, each with the class whose prototype had it
 */
export function takeBackNames(): { readonly of: string; readonly name: string }[] {
  return Object.entries(CLASSES).flatMap(([of, { prototype }]) =>
    Object.keys(prototype).map((name) => {
      Reflect.deleteProperty(prototype, name);
      return { of, name };
    }),
  );
}

/** @returns line and message of what a file throws while it is read; line 1 when the stack does not tell */
export function faultIn(file: string, thrown: unknown): { readonly line: number; readonly message: string } {
  const error = errorOf(thrown);
  const stack = String(error.stack ?? '');
  // The stack of a syntax error begins with its place (from the type stripper without the file); that of a thrown error
  // has frames.
  const syntax = /^(?:file:\/\/[^\s:?]*)?(?:\?definitions)?:(\d+)\n/.exec(stack);
  if (syntax !== null) return { line: Number(syntax[1]), message: firstLine(error) };
  const named = [`${pathToFileURL(file).href}${DEFINITIONS_MARK}:`, `${file}:`];
  const lines = named.flatMap((name) => stack.split(name).slice(1)).map((rest) => parseInt(rest, 10));
  return { line: lines.find((number) => number > 0) ?? 1, message: firstLine(error) };
}

/**
 * Handles what no code caught: a promise that was not awaited, a timer that throws.
 *
 * @param folder  the project's folder
 * @returns       the mistake, if it comes from definition code; null: it comes from other code
 */
export function uncaughtMistake(folder: string, thrown: unknown): CodedError | null {
  if (!isAnyRead) return null;
  const error = errorOf(thrown);
  const stack = String(error.stack ?? '');
  const frame = /(file:\/\/\S+)\?definitions:(\d+)/.exec(stack);
  if (frame !== null) {
    const mistakes = new Mistakes(resolve(folder));
    mistakes.addUnreadable(fileURLToPath(frame[1]!), Number(frame[2]), firstLine(error));
    return mistakes.toError();
  }
  // Plumb's code has frames of its own; a failure that definitions leave to Node, such as `fetch`, may have none.
  if (/\bfile:\/\/|\(\//.test(stack.replace(error.message, ''))) return null;
  const message = `code of a definition file failed, and nothing there waits for it: ${firstLine(error)}`;
  return registryError('REG_DEFINITIONS', message, {}, error);
}

function errorOf(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  const error = new Error(`it throws ${inspect(thrown)}, which is no error`);
  error.stack = '';
  return error;
}

const MODULE = /^Cannot find module '([^']+)'/;

function firstLine(error: Error): string {
  const missing = MODULE.exec(error.message)?.[1]?.replace(DEFINITIONS_MARK, '');
  if (missing !== undefined) {
    const name = basename(missing);
    const ending = ['.ts', '.mts', '.js', '.mjs'].find((one) => existsSync(`${missing}${one}`));
    const hint =
      ending === undefined ? '' : `: an import names the whole file, did you mean "${name}${ending}"?`;
    return `Cannot find module "${name}"${hint}`;
  }
  const line = error.message
    .trim()
    .split('\n')
    .find((one) => /[A-Za-z]/.test(one));
  return `${error.name}: ${line ?? ''}`.trim();
}
