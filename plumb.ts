#!/usr/bin/env -S node --disable-warning=ExperimentalWarning
/** The front door of the command line: one line per command, each loads its one program. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { CommandContext, ExitCode } from './project/command.ts';
import { jsonText, printResult } from './project/command.ts';
import { registryError } from './contract/errors.ts';
import { checkNodeVersion } from './project/node-version.ts';
import { OWN_PACKAGE } from './project/own-package.ts';
import { CodedError } from './contract/std/coded-error.ts';
import type { ErrorKind } from './contract/std/coded-error.ts';
import { terminalTalk } from './contract/std/talk.ts';

const EXIT_OF: Readonly<Record<ErrorKind, number>> = {
  'check-failed': 1,
  usage: 2,
  'not-enough-data': 3,
  failed: 4,
};

const talk = terminalTalk(process.stderr);
let tellError: Parameters<CommandContext['tellErrors']>[0] = (_, sentence) => talk.say(sentence);
const program = new Command('plumb')
  .description(
    'Feature serving that proves every day that what a model was served is what it was trained on.',
  )
  .version(OWN_PACKAGE.version, '--version')
  .option('-C <dir>', "the project's folder", '.')
  .option('--json', 'data as JSON')
  .option('--set <path=value>', 'a setting for this run, e.g. --set serve.port=7000', collectSetting)
  // What is wrong with a command line is reported below, like every error; help goes out as it is.
  .configureOutput({ outputError() {} })
  .exitOverride();

const registry = () => import('./registry/commands.ts');
const materializer = () => import('./materializer/commands.ts');
const training = () => import('./training/commands.ts');
const sidecar = () => import('./sidecar/commands.ts');
const spool = () => import('./sidecar/vector-log/log-commands.ts');
const shipper = () => import('./sidecar/shipper/ship-command.ts');
const monitor = () => import('./monitor/commands.ts');
const loadtest = () => import('./loadtest/commands.ts');
const list = (value: string, before: string[] = []): string[] => [...before, value];

command('init [dir]', 'a new project from a template', async (c, dir) => (await registry()).init(c, dir));
command('demo', 'the main job, end to end, on real data: a rehearsed day of an online shop', demo).option(
  '--dir <dir>',
  'where its project is made',
  '.plumb/demo',
);
command('plan', 'compare the definitions with what is applied', async (c, o) =>
  (await registry()).plan(c, o),
).option('--exit-code', 'exit with 1 when there are changes');
command('apply', 'apply the definitions and publish the bundle', async (c, o) =>
  (await registry()).apply(c, o),
)
  .option('--allow <name>', 'take a change that is refused, by the name that plan prints (repeatable)', list)
  .option('--reason <text>', 'why; the registry keeps it');
command('show [name]', 'the catalogue, or one definition', async (c, name) =>
  (await registry()).show(c, name),
);
command('materialize', 'compute aggregated views, fill the online store', async (c, o) =>
  (await materializer()).materialize(c, o),
)
  .option('--view <name>', 'only this view (repeatable)', list)
  .option('--from <time>', 'rows after this event time')
  .option('--to <time>', 'rows with event and created time up to and including this')
  .option('--full', 'ignore the bookmark of the last run')
  .option('--replace', 'go past the guard: overwrite fresher rows')
  .option('--dry-run', 'say what would be written, and write nothing')
  .addOption(
    new Option('--daemon', 'run views by their schedule until stopped').conflicts([
      'from',
      'to',
      'full',
      'replace',
      'dryRun',
    ]),
  );
command('train', 'a point-in-time training set', async (c, o) => (await training()).train(c, o))
  .requiredOption('--labels <file>', 'Parquet or CSV with the join keys and a time')
  .requiredOption('--service <name>', 'whose features to join')
  .requiredOption('--out <file>', 'Parquet or CSV to write')
  .addOption(
    new Option('--as <mode>', 'all of the history, or only what was known at the time')
      .choices(['trained', 'available'])
      .default('trained'),
  )
  .option('--time-column <name>', "the labels' column of times", 'event_timestamp')
  .option('--strict', 'exit code 3 where labels lie past the history, in place of nulls and a note');
command('get', 'one vector, as a table', async (c, o) => (await sidecar()).get(c, o))
  .requiredOption('--service <name>', 'the feature service')
  .requiredOption('--entity <key=value>', 'a join key (repeatable)', list);
command('serve', 'the sidecar', async (c, o) => (await sidecar()).serve(c, o))
  .option('--port <port>', 'port of the features')
  .option('--admin-port <port>', 'port of health and metrics');
command('load', 'load profiles against a running sidecar', async (c, o) => (await loadtest()).load(c, o))
  .option('--profile <name>', 'cached, cold, uniform, zipf, hot-keys, fifty-rows or faults', 'cached')
  .option('--rate <n>', 'requests a second (open loop), or max (closed loop)', '1000')
  .option('--duration <time>', 'how long is measured', '30s')
  .option('--warmup <time>', 'how long at the same rate before', '2s')
  .option('--slo <objective>', 'such as p99=10ms,errors=0.1%; exit code 1 when one is broken', list)
  .option('--url <url>', "http://127.0.0.1:PORT or unix:PATH; the project's own unless given")
  .option('--service <name>', "the feature service; the project's only one unless given")
  .option('--keys <file|range>', 'entities: 1..10000, a file of keys or of JSON lines', '1..1000')
  .option('--surface <name>', 'native, feast or tensor', 'native')
  .option('--connections <n>', 'of all processes together', '64')
  .option('--processes <n>', 'that make the load, each takes a core', '1')
  .option('--timeout <time>', 'after which a request has failed', '1s')
  .option('--deadline-ms <n>', 'sent with each request')
  .option('--seed <n>', 'of the choice of entities', '1')
  .option('--store-pid <pid>', "the store's process, which --profile faults stops and resumes")
  .option('--html <file>', 'write the latency picture');

const log = program.command('log').description('read the spool').exitOverride();
command('cat', 'one JSON object a served request', async (c) => (await spool()).logCat(c), log);
command('status', 'bytes, segments, lag', async (c) => (await spool()).logStatus(c), log);
command('verify', 'check every frame', async (c) => (await spool()).logVerify(c), log);
command('ship', 'ship what is left to Kafka', async (c, o) => (await shipper()).logShip(c, o), log).option(
  '--wait <duration>',
  'how long Kafka may take nothing before this gives up',
  '1m',
);

const skew = program.command('monitor').description('the daily skew report').exitOverride();
command(
  'ingest',
  'the vector log into hourly Parquet, each record once',
  async (c, o) => (await monitor()).ingest(c, o),
  skew,
)
  .option('--follow', 'go on until it is stopped; else up to what the log holds now')
  .addOption(new Option('--from <source>', 'read the spool, or the topic').choices(['spool', 'topic']));
command('run', 'judge a day: served against replayed', async (c, o) => (await monitor()).run(c, o), skew)
  .option('--date <day>', 'a UTC day such as 2026-11-21; yesterday unless given')
  .option('--service <name>', 'only this service (repeatable)', list);
command(
  'report',
  "draw a day's report again from its snapshot",
  async (c, o) => (await monitor()).report(c, o),
  skew,
)
  .requiredOption('--date <day>', 'a UTC day')
  .requiredOption('--service <name>', 'the feature service');

const config = program.command('config').description('settings').exitOverride();
command('show', 'every setting in force', async (c) => (await registry()).configShow(c), config);

/** The example is no program of the house: what it does, a newcomer could have written. */
async function demo(c: CommandContext, o: { dir: string }): Promise<ExitCode> {
  const { renderDemo, runDemo, today } = await import('./examples/retail/demo.ts');
  const result = await runDemo(o.dir, today(), c.talk);
  await printResult(c, result, () => renderDemo(result, c.color));
  return 0;
}

/** Adds a command; its action gets the context first, then arguments and options as commander passes them. */
function command(
  usage: string,
  description: string,
  // oxlint-disable-next-line no-explicit-any -- commander knows the arguments only at run time
  action: (context: CommandContext, ...args: any[]) => Promise<ExitCode>,
  parent: Command = program,
): Command {
  return parent
    .command(usage)
    .description(description)
    .exitOverride()
    .action(async (...args: unknown[]) => {
      process.exitCode = await action(context(), ...args);
    });
}

function context(): CommandContext {
  const { C, json, set } = program.opts<{ C: string; json?: boolean; set?: Record<string, string> }>();
  const color = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
  const tellErrors: CommandContext['tellErrors'] = (by) => (tellError = by);
  return { folder: C, json: json === true, color, talk, flags: set ?? {}, tellErrors, print };
}

async function print(text: string): Promise<void> {
  if (process.stdout.write(`${text}\n`)) return;
  await new Promise((resolve) => process.stdout.once('drain', resolve));
}

function collectSetting(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('expected path=value, e.g. serve.port=7000.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** What went wrong, for people or as JSON, and the exit code that says so. */
function report(error: unknown): number {
  // Help that was asked for is no error, and help in place of a missing command has said what there is.
  if (error instanceof CommanderError && /^commander\.(help|version)/.test(error.code)) {
    return error.exitCode === 0 ? 0 : EXIT_OF.usage;
  }
  const coded = codedErrorOf(error);
  const { code, message, kind, details } = coded;
  // Where commander could not read the command line to its end, it knows of no option.
  if (program.opts<{ json?: boolean }>().json === true || process.argv.includes('--json')) {
    process.stdout.write(
      `${jsonText({ error: { code, message, field: details.field, help: details.help } })}\n`,
    );
  } else {
    const help = details.help === undefined ? '' : `\n  ${details.help}`;
    tellError(coded, `error: ${message}${help}  [${code}]`);
  }
  return EXIT_OF[kind];
}

/** Where to look: the help of the command that was meant, as far as its name could be read. */
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

/** Relative paths mean nothing in a folder that was removed under the shell. */
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
  // The system's own refusals (no space, no permission, no such folder) are nobody's defect.
  const { syscall, message, stack } = error as NodeJS.ErrnoException;
  if (syscall !== undefined) return registryError('REG_STORE', message, {}, error);
  return registryError('REG_DEFECT', stack ?? String(error), {}, error);
}

// A reader that closes early (`plumb log cat | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  talk.say(`error: cannot write the output: ${error.message}  [REG_STORE]`);
  process.exit(EXIT_OF.failed);
});

try {
  checkNodeVersion(process.versions.node);
  checkWorkingFolder();
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
