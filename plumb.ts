#!/usr/bin/env -S node --disable-warning=ExperimentalWarning
/** The front door of the command line: runs the command, reports what went wrong, and sets the exit code. */
import { CommanderError } from 'commander';
import type { Command } from 'commander';
import { commandLine } from './command-line.ts';
import type { CommandContext } from './project/command.ts';
import { jsonText } from './project/command.ts';
import { registryError } from './contract/errors.ts';
import { hideExperimentalWarnings } from './project/experimental-warnings.ts';
import { checkNodeVersion } from './project/node-version.ts';
import { CodedError } from './contract/std/coded-error.ts';
import type { ErrorKind } from './contract/std/coded-error.ts';
import { terminalLogger } from './contract/std/logger.ts';
import { terminalText } from './contract/std/visible-text.ts';
import { allowEnd, uncaughtMistake } from './registry/definitions/definition-code.ts';

const EXIT_OF: Readonly<Record<ErrorKind, number>> = {
  'check-failed': 1,
  usage: 2,
  'not-enough-data': 3,
  failed: 4,
};

hideExperimentalWarnings();
const logger = terminalLogger(process.stderr);
let tellError: Parameters<CommandContext['tellErrors']>[0] = (_, sentence) => logger.info(sentence);
let exitCode = 0;
const program = commandLine(async (action) => {
  keepStdout();
  exitCode = await action(context());
});
const writeOut = process.stdout.write.bind(process.stdout);

function context(): CommandContext {
  const { C, json, set } = program.opts<{ C: string; json?: boolean; set?: Record<string, string> }>();
  const color = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
  const print = (data: string | Uint8Array): Promise<void> =>
    write(typeof data === 'string' ? `${terminalText(data, color)}\n` : data);
  const tellErrors: CommandContext['tellErrors'] = (by) => (tellError = by);
  return { folder: C, json: json === true, color, logger, flags: set ?? {}, tellErrors, print };
}

/**
 * From here on stdout is for the results of commands alone: what else is printed there, such as `console.log` in a
 * definition file, goes to stderr.
 */
function keepStdout(): void {
  process.stdout.write = (chunk: Uint8Array | string, ...more: unknown[]): boolean => {
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    const done = more.find((one) => typeof one === 'function') as (() => void) | undefined;
    return process.stderr.write(terminalText(text), done);
  };
}

async function write(data: string | Uint8Array): Promise<void> {
  if (writeOut(data)) return;
  await new Promise((resolve) => process.stdout.once('drain', resolve));
}

/** What went wrong, for people or as JSON, and the exit code that says so. */
function report(error: unknown): number {
  // Help on request is no error; help in place of a missing command is a usage error that has been printed already.
  if (error instanceof CommanderError && /^commander\.(help|version)/.test(error.code)) {
    return error.exitCode === 0 ? 0 : EXIT_OF.usage;
  }
  const coded = codedErrorOf(error);
  const { code, message, kind, details } = coded;
  // When commander stopped in the middle of the command line, it has not read the options.
  if (program.opts<{ json?: boolean }>().json === true || process.argv.includes('--json')) {
    const text = jsonText({ error: { code, message, field: details.field, help: details.help } });
    writeOut(`${terminalText(text)}\n`);
  } else {
    const help = details.help === undefined ? '' : `\n  ${details.help}`;
    tellError(coded, `error: ${message}${help}  [${code}]`);
  }
  return EXIT_OF[kind];
}

/** Points to the help of the command that was meant, as far as its name could be read. */
function helpFor(words: readonly string[]): string {
  let at: Command = program;
  let path = 'plumb';
  for (const [i, word] of words.entries()) {
    const isValue = ['-C', '--set'].includes(words[i - 1] ?? '');
    const next = isValue ? undefined : at.commands.find((one) => one.name() === word);
    if (next === undefined) continue;
    at = next;
    path += ` ${word}`;
  }
  const what = at === program ? 'all commands' : at.commands.length > 0 ? 'its commands' : 'its options';
  return `Run \`${path} --help\` for ${what}.`;
}

/** When the current folder was removed, relative paths mean nothing. */
function checkWorkingFolder(): void {
  try {
    process.cwd();
  } catch (error) {
    const message = 'the current folder is gone: it was removed, or another lies in its place';
    throw registryError('REG_USAGE', message, { help: 'Go to a folder that is there: `cd DIR`.' }, error);
  }
}

function codedErrorOf(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  if (error instanceof CommanderError) {
    const message = error.message
      .replace(/^error: /, '')
      .replace(/\n\(Did you mean (.*)\?\)$/, ', did you mean $1?');
    return registryError('REG_USAGE', message, { help: helpFor(process.argv.slice(2)) }, error);
  }
  const missing = /^Cannot find (?:package|module) '([^./'][^']*)'/.exec((error as Error).message)?.[1];
  if (missing !== undefined) {
    const message = `this image has only what a sidecar needs, and the command needs ${missing}`;
    return registryError('REG_USAGE', message, { help: 'Run it from the image of all programs.' }, error);
  }
  // Errors of the system (no space, no permission, no such folder) are no defect of plumb.
  const { syscall, message, stack } = error as NodeJS.ErrnoException;
  if (syscall !== undefined) return registryError('REG_STORE', message, {}, error);
  return registryError('REG_DEFECT', stack ?? String(error), {}, error);
}

let hasEnded = false;
/** Node's exit code when a top-level `await` never settles. */
const NODE_UNSETTLED = 13;

/** Ends the process with all that was printed, whatever a definition file left open. */
async function end(code: number): Promise<void> {
  if (hasEnded) return;
  hasEnded = true;
  await new Promise((resolve) => writeOut('', resolve));
  await new Promise((resolve) => process.stderr.write('', resolve));
  exit(code);
}

function exit(code: number): never {
  hasEnded = true;
  allowEnd();
  // Behind the listeners of definition files, which could set another.
  process.on('exit', () => (process.exitCode = code));
  process.exit(code);
}

// Definition files are the project's own code: when they end the process or never settle, that must not look like
// success.
process.on('exit', (code) => {
  if (hasEnded || (code !== 0 && code !== NODE_UNSETTLED)) return;
  const message =
    'the command was ended before its end, by code of a definition file or by what it awaits there';
  process.exitCode = report(registryError('REG_DEFINITIONS', message));
});

for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => {
    if (!hasEnded) void end(report(uncaughtMistake(program.opts<{ C: string }>().C, error) ?? error));
  });
}

// Before Node's own listener, which prints them.
process.prependListener('warning', (warning) => {
  for (const name of ['name', 'message', 'stack', 'code', 'detail'] as const) {
    const { [name]: text } = warning as Error & { code?: string; detail?: string };
    if (typeof text === 'string') Object.assign(warning, { [name]: terminalText(text) });
  }
});

// The kernel ends the first process of a container by no signal that it does not listen for. A command that listens
// itself ends as it wants; a second signal ends it where it stands.
if (process.pid === 1)
  for (const [signal, code] of Object.entries({ SIGTERM: 143, SIGINT: 130 }))
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) exit(code);
    });

// A reader that closes early (`plumb log cat | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') exit(0);
  logger.info(`error: cannot write the output: ${error.message}  [REG_STORE]`);
  exit(EXIT_OF.failed);
});
process.stderr.on('error', () => {});

try {
  checkNodeVersion(process.versions.node);
  checkWorkingFolder();
  await program.parseAsync();
} catch (error) {
  exitCode = report(error);
}
await end(exitCode);
