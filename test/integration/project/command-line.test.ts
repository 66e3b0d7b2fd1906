/** The command line as its user meets it: what goes where, which exit code, and one clear sentence for each mistake. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CodedError } from '../../../contract/std/coded-error.ts';
import { plumbHere } from '../../support/processes/plumb-here.ts';
import { PLUMB, plumb, QUIET_NODE, serve } from '../../support/processes/plumb-process.ts';
import type { Finished } from '../../support/processes/plumb-process.ts';
import { scratchFolder } from '../../support/scratch.ts';

const GET = ['get', '--service', 'rank_v1', '--entity', 'driver_id=1001'];
const STATS = 'data/driver_stats.parquet';
const DEFINITIONS = 'definitions/drivers.yaml';

/** Projects that the cases share: one only made, one with rows online. No case may change them. */
let root: string;
const fresh = (): string => join(root, 'fresh');
const live = (): string => join(root, 'live');

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'plumb-'));
  expect((await plumb(['init', fresh()])).code).toBe(0);
  cpSync(fresh(), live(), { recursive: true });
  expect((await plumb(['-C', live(), 'apply'])).code).toBe(0);
  expect((await plumb(['-C', live(), 'materialize'])).code).toBe(0);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Mistake {
  readonly what: string;
  readonly args: () => readonly string[];
  readonly exit: 2 | 3 | 4;
  readonly code: string;
  readonly says: RegExp;
}

const on =
  (folder: () => string, ...args: string[]) =>
  (): string[] => ['-C', folder(), ...args];
const setOnLive = (setting: string, ...args: string[]) => on(live, '--set', setting, ...args);

// A table: one line a mistake.
// prettier-ignore
const MISTAKES: readonly Mistake[] = [
  { what: 'an unknown command', args: () => ['aply'], exit: 2, code: 'REG_USAGE', says: /unknown command 'aply'/ },
  { what: 'an unknown command of a group', args: () => ['log', 'cut'], exit: 2, code: 'REG_USAGE', says: /'cut'/ },
  { what: 'an unknown option', args: () => ['plan', '--all'], exit: 2, code: 'REG_USAGE', says: /'--all'/ },
  { what: 'a missing option', args: () => ['get'], exit: 2, code: 'REG_USAGE', says: /--service <name>/ },
  { what: 'an option without its value', args: () => ['get', '--service'], exit: 2, code: 'REG_USAGE', says: /missing/ },
  { what: 'too many arguments', args: () => ['show', 'a', 'b'], exit: 2, code: 'REG_USAGE', says: /too many/ },
  { what: 'a folder without a project', args: () => ['-C', root, 'show'], exit: 2, code: 'REG_SETTINGS', says: /no plumbline.yaml/ },
  { what: 'a folder that is not there', args: () => ['-C', '/nowhere', 'show'], exit: 2, code: 'REG_SETTINGS', says: /\/nowhere/ },
  { what: 'an unknown setting beside a known one', args: setOnLive('serve.prot=1', 'config', 'show'), exit: 2, code: 'REG_SETTINGS', says: /serve has no setting "prot", did you mean "port"\? \(--set\)/ },
  { what: 'an unknown setting', args: setOnLive('serve.prt=1', 'show'), exit: 2, code: 'REG_SETTINGS', says: /prt/ },
  { what: 'a setting that does not fit', args: on(live, 'serve', '--port', 'abc'), exit: 2, code: 'REG_SETTINGS', says: /serve\.port: expected a port/ },
  { what: 'a store of an unknown kind', args: setOnLive('online=memcached://u:sekret@h', ...GET), exit: 2, code: 'REG_SETTINGS', says: /expected sqlite:FILE/ },
  { what: 'a change that is allowed without a reason', args: on(live, 'apply', '--allow', 'x.ttl'), exit: 2, code: 'REG_USAGE', says: /--allow needs --reason/ },
  { what: 'a change that is allowed and not refused', args: on(live, 'apply', '--allow', 'x.ttl', '--reason', 'y'), exit: 2, code: 'REG_ALLOW', says: /"x\.ttl"; nothing is refused/ },
  { what: 'a new project where no folder can be made', args: () => ['init', '/proc/x/y'], exit: 4, code: 'REG_STORE', says: /no folder can be made in \/proc / },
  { what: 'bundles where no folder can be made', args: on(live, '--set', 'bundles=/proc/x/y', 'apply'), exit: 4, code: 'REG_STORE', says: /cannot publish the bundle in \/proc\/x\/y: no folder/ },
  { what: 'a history where no folder can be made', args: setOnLive('history=/proc/x', 'materialize'), exit: 4, code: 'MAT_HISTORY', says: /no folder can be made in \/proc / },
  { what: 'a spool where no folder can be made', args: setOnLive('log.spool=/proc/x', 'serve', '--port', '0', '--admin-port', '0'), exit: 4, code: 'LOG_FOLDER', says: /cannot write the spool in \/proc\/x/ },
  { what: 'get before apply', args: on(fresh, ...GET), exit: 2, code: 'REG_NOT_APPLIED', says: /no bundle/ },
  { what: 'materialize before apply', args: on(fresh, 'materialize'), exit: 2, code: 'REG_NOT_APPLIED', says: /no bundle/ },
  { what: 'serve before apply', args: on(fresh, 'serve', '--port', '0'), exit: 2, code: 'REG_NOT_APPLIED', says: /no bundle/ },
  { what: 'get before materialize', args: setOnLive('online=sqlite:none.db', ...GET), exit: 4, code: 'SRV_STORE', says: /there is no online store/ },
  { what: 'get of an unknown service', args: on(live, 'get', '--service', 'rnk', '--entity', 'driver_id=1'), exit: 2, code: 'SRV_UNKNOWN_SERVICE', says: /"rnk"; there are: rank_v1/ },
  { what: 'get of an unknown key', args: on(live, 'get', '--service', 'rank_v1', '--entity', 'rider=1'), exit: 2, code: 'SRV_UNKNOWN_KEY', says: /no join key rider; it has driver_id/ },
  { what: 'get of a key of the wrong type', args: on(live, 'get', '--service', 'rank_v1', '--entity', 'driver_id=x'), exit: 2, code: 'SRV_KEY_TYPE', says: /int64, got "x"/ },
  { what: 'get of a key without a value', args: on(live, 'get', '--service', 'rank_v1', '--entity', 'driver_id'), exit: 2, code: 'SRV_KEY_MISSING', says: /expected key=value/ },
  { what: 'get of a key given twice', args: on(live, ...GET, '--entity', 'driver_id=1002'), exit: 2, code: 'REG_USAGE', says: /--entity driver_id is given twice, as "1001" and "1002"/ },
  { what: 'show of a short name of a feature', args: on(live, 'show', 'conv_rate'), exit: 2, code: 'REG_UNKNOWN', says: /features are named with their view: driver_hourly_stats:conv_rate/ },
  { what: 'show of nothing known', args: on(live, 'show', 'rnk'), exit: 2, code: 'REG_UNKNOWN', says: /"rnk"/ },
  { what: 'materialize of an unknown view', args: on(live, 'materialize', '--view', 'x'), exit: 2, code: 'MAT_UNKNOWN_VIEW', says: /applied are: driver_hourly_stats/ },
  { what: 'materialize into the future', args: on(live, 'materialize', '--to', '2999-01-01T00:00:00Z'), exit: 2, code: 'MAT_RANGE', says: /future/ },
  { what: 'a time that is none', args: on(live, 'materialize', '--to', 'noon'), exit: 2, code: 'MAT_RANGE', says: /got noon/ },
  { what: 'labels that are not there', args: on(live, 'train', '--labels', 'x.csv', '--service', 'rank_v1', '--out', 'o.csv'), exit: 2, code: 'TRAIN_LABELS', says: /x\.csv/ },
  { what: 'a day that is none', args: on(live, 'monitor', 'run', '--date', 'monday'), exit: 2, code: 'MON_DAY', says: /got monday/ },
  { what: 'an hour of no day', args: on(live, 'monitor', 'run', '--hour', '7'), exit: 2, code: 'MON_DAY', says: /does not say of which day: give --date DAY/ },
  { what: 'the last hour of a day', args: on(live, 'monitor', 'run', '--hour', 'last', '--date', '2026-01-02'), exit: 2, code: 'MON_DAY', says: /give only one/ },
  { what: 'an hour that is none', args: on(live, 'monitor', 'run', '--date', '2026-01-02', '--hour', '24'), exit: 2, code: 'MON_DAY', says: /--hour: expected 0 to 23, or last, got "24"/ },
  { what: 'an hour without vectors', args: on(live, 'monitor', 'run', '--date', '2020-02-29', '--hour', '7'), exit: 3, code: 'MON_NO_VECTORS', says: /no vectors of 2020-02-29, 07:00 to 08:00/ },
  { what: 'a day without vectors', args: on(live, 'monitor', 'run', '--date', '2020-02-29'), exit: 3, code: 'MON_NO_VECTORS', says: /no vectors of 2020-02-29/ },
  { what: 'a project where one lies', args: () => ['init', live()], exit: 2, code: 'REG_FOLDER', says: /not an empty folder/ },
  { what: 'a demo where a project lies', args: () => ['demo', '--dir', live()], exit: 2, code: 'REG_FOLDER', says: /no earlier demo/ },
  { what: 'a new project below a file', args: () => ['init', join(live(), 'plumbline.yaml/x')], exit: 4, code: 'REG_STORE', says: /cannot write/ },
  { what: 'a registry below a file', args: setOnLive('registry=sqlite:plumbline.yaml/r.db', 'apply'), exit: 4, code: 'REG_STORE', says: /cannot open the registry/ },
  { what: 'a registry that is none', args: setOnLive(`registry=sqlite:${STATS}`, 'plan'), exit: 4, code: 'REG_STORE', says: /not a database/ },
  { what: 'bundles below a file', args: setOnLive('bundles=plumbline.yaml/b', 'apply'), exit: 4, code: 'REG_STORE', says: /cannot publish/ },
  { what: 'a history below a file', args: setOnLive('history=plumbline.yaml/h', 'materialize'), exit: 4, code: 'MAT_HISTORY', says: /cannot write the history/ },
  { what: 'an online store below a file', args: setOnLive('online=sqlite:plumbline.yaml/o.db', 'materialize'), exit: 4, code: 'MAT_ONLINE', says: /cannot write the online store/ },
  { what: 'a Redis that nobody runs', args: setOnLive('online=redis://:sekret@127.0.0.1:1/0', 'materialize'), exit: 4, code: 'MAT_ONLINE', says: /ECONNREFUSED/ },
  { what: 'a spool below a file', args: setOnLive('log.spool=plumbline.yaml/s', 'serve', '--port', '0', '--admin-port', '0'), exit: 4, code: 'LOG_FOLDER', says: /cannot write the spool/ },
  { what: 'a spool that is a file', args: setOnLive('log.spool=plumbline.yaml', 'log', 'cat'), exit: 4, code: 'REG_STORE', says: /ENOTDIR/ },
];

const OF_THE_SYSTEM = 'a spool that is a file';

/**
 * One of each code is met as its user meets it, and what the front door gives its code: errors of commander and of the
 * system. Of the others what the front door gets.
 */
const { started = [], here = [] } = Object.groupBy(MISTAKES, ({ code, what }, i) =>
  code === 'REG_USAGE' || what === OF_THE_SYSTEM || MISTAKES.findIndex((one) => one.code === code) === i
    ? 'started'
    : 'here',
);
const EXIT_OF: Readonly<Record<string, number>> = { usage: 2, 'not-enough-data': 3, failed: 4 };

describe('a mistake gets one sentence, the exit code of its kind, and changes nothing', () => {
  test.concurrent.each(started)('$what', async ({ args, exit, code, says }) => {
    const before = contentOf(live());
    const forPeople = await plumb(args());
    expectOneSentence(forPeople, code);
    expect(forPeople.stderr).toMatch(says);
    expect(forPeople.code).toBe(exit);
    expect(forPeople.stderr).not.toContain('sekret');
    expectNoChange(before);
  });

  test.each(here)('$what', async ({ args, exit, code, says }) => {
    const before = contentOf(live());
    const error: unknown = await plumbHere(args()).catch((thrown: unknown) => thrown);
    if (!(error instanceof CodedError)) throw new Error(`no mistake of ours: ${String(error)}`);
    const stderr = `error: ${error.message}\n  ${error.details.help ?? ''}  [${error.code}]`;
    expectOneSentence({ code: EXIT_OF[error.kind]!, stdout: '', stderr }, code);
    expect(stderr).toMatch(says);
    expect(EXIT_OF[error.kind]).toBe(exit);
    expect(stderr).not.toContain('sekret');
    expectNoChange(before);
  });

  /** One of each exit code, and one of each road to the report: commander, a program, the system. */
  const AS_JSON = ['an unknown command', 'get of an unknown key', 'a day without vectors', OF_THE_SYSTEM];
  test.concurrent.each(AS_JSON)('%s, as JSON on stdout', async (name) => {
    const { args, exit, code, says } = MISTAKES.find(({ what }) => what === name)!;
    const { stdout, stderr, code: exitCode } = await plumb([...args(), '--json']);
    expect(exitCode).toBe(exit);
    expect(stderr).toBe('');
    const { error } = JSON.parse(stdout) as { error: Record<string, string> };
    expect(error).toMatchObject({ code, message: expect.stringMatching(says), help: expect.any(String) });
  });

  test('a port that another program has', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    try {
      for (const transport of ['uws', 'node']) {
        const spool = `log.spool=${scratchFolder()}/spool`;
        const set = ['--set', spool, '--set', `serve.transport=${transport}`];
        const taken = await plumb(['-C', live(), ...set, 'serve', '--port', `${port}`, '--admin-port', '0']);
        expectOneSentence(taken, 'SRV_PORT');
        expect(taken.stderr).toContain(`cannot listen on 127.0.0.1:${port}`);
        expect(taken.code).toBe(4);
      }
    } finally {
      other.close();
    }
  });

  test('a disk without space for what goes to stdout', async () => {
    const child = spawn('/bin/sh', [
      '-c',
      `"$0" ${QUIET_NODE} "$1" -C "$2" show >/dev/full`,
      process.execPath,
      PLUMB,
      live(),
    ]);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (part: string) => (stderr += part));
    const [code] = (await once(child, 'close')) as [number];
    expectOneSentence({ code, stdout: '', stderr }, 'REG_STORE');
    expect(code).toBe(4);
  });
});

describe('a project with bad definitions or data', () => {
  test('has every mistake of its definitions listed at file and line, and nothing published', async () => {
    const folder = copyOf(fresh());
    const text = readFileSync(join(folder, DEFINITIONS), 'utf8')
      .replace('{ driver_id: int64 }', '{ driver_id: int46 }')
      .replace('\nentity: driver\nsource', '\nentity: drivr\nsource')
      .replace(
        'float32, description: share of offers that the',
        'flaot32, description: share of offers that the',
      )
      .replace('missing: -1', 'mising: -1')
      .replace('freshness: 2h', 'freshness: soon');
    writeFileSync(join(folder, DEFINITIONS), text);
    const lineOf = (part: string): number => text.slice(0, text.indexOf(part)).split('\n').length;
    for (const command of ['plan', 'apply']) {
      const refused = await plumb(['-C', folder, command]);
      expect(refused.code).toBe(2);
      expect(refused.stdout).toBe('');
      expect(refused.stderr).toContain('error: the definitions have 5 mistakes:');
      for (const part of ['int46', 'drivr', 'flaot32', 'mising', 'soon']) {
        expect(refused.stderr).toMatch(new RegExp(`^  ${DEFINITIONS}:${lineOf(part)}  .*\\b${part}\\b`, 'm'));
      }
      expectOneSentence(refused, 'REG_DEFINITIONS');
    }
    expect(existsSync(join(folder, '.plumb/bundles'))).toBe(false);
  });

  test.each([
    ['at once', 'process.exit(0);', 'ends.mts:1  Error: process.exit was called'],
    ['while it reads the sources', 'setTimeout(() => process.exit(0), 5);', ''],
    ['never, for what does not come', 'await new Promise(() => {});', 'ended before its end'],
  ])('is never a success where a definition ends it %s', async (_, text, says) => {
    const folder = join(scratchFolder(), 'ends');
    cpSync(fresh(), folder, { recursive: true });
    writeFileSync(join(folder, 'plumbline.yaml'), "project: ends\ndefinitions: ['definitions/*.mts']\n");
    writeFileSync(join(folder, 'definitions/ends.mts'), `${text}\n`);
    const { code, stderr } = await plumb(['-C', folder, 'plan']);
    expect(code).not.toBe(0);
    expect(stderr).toContain(says);
    expect(stderr).not.toBe('');
  });

  test('names a column that its source lacks, and one whose type does not fit', async () => {
    const folder = copyOf(fresh());
    const text = readFileSync(join(folder, DEFINITIONS), 'utf8');
    writeFileSync(
      join(folder, DEFINITIONS),
      text
        .replace('conv_rate:', 'conv_ratio:')
        .replace('type: int32,', 'type: bool,')
        .replace('missing: -1', 'missing: false'),
    );
    const refused = await plumb(['-C', folder, 'apply']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/no column "conv_ratio", did you mean "conv_rate"\?/);
    expect(refused.stderr).toMatch(/column "avg_daily_trips" is INTEGER, which does not fit bool/);
    expectOneSentence(refused, 'REG_DEFINITIONS');
    expect(existsSync(join(folder, '.plumb/bundles'))).toBe(false);
  });

  test.each([
    ['cut short', (file: string): void => truncateSync(file, 3_000)],
    ['of another kind', (file: string): void => writeFileSync(file, 'driver_id,conv_rate\n1001,0.5\n')],
    ['gone', (file: string): void => rmSync(file)],
  ])('serves nothing from a Parquet file that is %s, and all once it is whole again', async (_, spoil) => {
    const folder = copyOf(fresh());
    expect((await plumbHere(['-C', folder, 'apply'])).code).toBe(0);
    spoil(join(folder, STATS));
    const failed = await plumb(['-C', folder, 'materialize']);
    expectOneSentence(failed, 'MAT_SOURCE|REG_SOURCE');
    expect(failed.stderr).toContain('driver_stats.parquet');
    expect(failed.code).toBe(4);
    const nothing = await plumbHere(['-C', folder, '--json', ...GET]);
    expect(statusesOf(nothing)).toEqual(['UNAVAILABLE', 'UNAVAILABLE', 'UNAVAILABLE']);

    copyFileSync(join(fresh(), STATS), join(folder, STATS));
    expect((await plumbHere(['-C', folder, 'materialize'])).code).toBe(0);
    expect(statusesOf(await plumbHere(['-C', folder, '--json', ...GET]))).toEqual([
      'PRESENT',
      'PRESENT',
      'PRESENT',
    ]);
  });
});

describe('what went well', () => {
  test('puts data on stdout, logger on stderr, and takes --json everywhere', async () => {
    const folder = join(
      scratchFolder({ 'labels.csv': 'driver_id,event_timestamp\n1001,2025-06-05T10:30:00Z\n' }),
      'p',
    );
    const labels = [
      '--labels',
      join(folder, '../labels.csv'),
      '--service',
      'rank_v1',
      '--out',
      join(folder, 'out.csv'),
    ];
    expect(await data(['init', folder], 'silent')).toMatchObject({
      files: expect.arrayContaining([DEFINITIONS]),
    });
    expect((await plumb(['-C', folder, 'plan', '--exit-code'])).code).toBe(1);
    expect(await data(['-C', folder, 'plan'], 'silent')).toMatchObject({ changes: expect.any(Array) });
    const { bundle } = (await data(['-C', folder, 'apply'], 'silent')) as { bundle: string };
    expect((await plumb(['-C', folder, 'plan', '--exit-code'])).code).toBe(0);
    expect(await data(['-C', folder, 'show'], 'silent')).toMatchObject({ hash: bundle });
    expect(await data(['-C', folder, 'show', 'rank_v1'], 'silent')).toMatchObject({ name: 'rank_v1' });
    expect(await data(['-C', folder, 'materialize'], 'talks')).toMatchObject({ runs: [{ written: 5 }] });
    expect(await data(['-C', folder, ...GET], 'silent')).toMatchObject({ bundle, service: 'rank_v1' });
    expect(await data(['-C', folder, 'train', ...labels], 'silent')).toMatchObject({ rows: 1 });
    expect(await data(['-C', folder, 'config', 'show'], 'silent')).toMatchObject({ project: 'quickstart' });
    expect(await data(['-C', folder, 'log', 'status'], 'silent')).toMatchObject({ segments: 0 });

    await serveALot(folder, 300);
    expect(await data(['-C', folder, 'log', 'verify'], 'silent')).toMatchObject({ records: 300, gaps: [] });
    const cat = await plumb(['-C', folder, 'log', 'cat']);
    expect(
      cat.stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).service),
    ).toEqual(Array(300).fill('rank_v1'));

    const day = JSON.parse(cat.stdout.split('\n', 1)[0]!).servedAt.slice(0, 10);
    const judged = await plumb(['-C', folder, '--json', 'monitor', 'run', '--date', day]);
    expect(JSON.parse(judged.stdout)).toMatchObject([{ service: 'rank_v1', vectors: { read: 1_500 } }]);
    expect(judged.code, 'the example has had no new row for long: the alarm is right').toBe(1);
  });

  test('one form of times, values and definition ids in all JSON', async () => {
    const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
    const view = (await data(['-C', live(), 'show', 'driver_hourly_stats'], 'silent')) as {
      definitionId: string;
      runs: Record<string, unknown>[];
    };
    expect(view.definitionId).toMatch(/^[0-9a-f]{8}$/);
    const [run] = view.runs;
    expect(run).toMatchObject({ definitionId: view.definitionId, from: null });
    for (const name of ['to', 'watermark', 'startedAt', 'finishedAt', 'newestEventTime'])
      expect(run![name]).toMatch(TIME);
    expect(
      Object.keys(run!).filter((name) => /^(from|to|watermark|started|finished|newest\w+)Us$/.test(name)),
    ).toEqual([]);
    const { features } = (await data(['-C', live(), ...GET], 'silent')) as {
      features: Record<string, unknown>[];
    };
    expect(features.map(({ value }) => value)).toEqual([
      expect.any(Number),
      expect.any(Number),
      expect.any(Number),
    ]);
    expect(String(features[0]!['value'])).toMatch(/^0\.\d{1,7}$/);
    expect(features[0]!['eventTime']).toMatch(TIME);
    expect(Object.keys(features[0]!)).toEqual(['ageMs', 'eventTime', 'name', 'status', 'value', 'valueText']);
    const schemas = (await data(['-C', live(), 'show'], 'silent')) as {
      schemas: Record<string, { definitionId: string }[]>;
    };
    expect(schemas.schemas['driver_hourly_stats']![0]!.definitionId).toBe(view.definitionId);
  });

  test('hides passwords in what it shows', async () => {
    for (const json of [[], ['--json']]) {
      const shown = await plumb([
        '-C',
        live(),
        '--set',
        'online=redis://u:se/k@ret@h:1/0',
        ...json,
        'config',
        'show',
      ]);
      expect(shown.stdout).toContain('redis');
      expect(shown.stdout).not.toContain('ret@');
    }
  });

  test('shows what others wrote into names and texts without letting it reach the terminal', async () => {
    const folder = join(root, 'hostile');
    cpSync(live(), folder, { recursive: true });
    const file = join(folder, DEFINITIONS);
    const hostile = String.raw`"\e]0;x\a\e[2J\x9b1A\u202e"`;
    const text = readFileSync(file, 'utf8').replace('owner: risk', `owner: ${hostile}`);
    writeFileSync(file, text.replace('owner: team-rank', `owner: ${hostile}`));
    const commands = [['plan'], ['apply'], ['show'], ['show', 'driver_hourly_stats'], ['show', '\u001b[2J']];
    let all = '';
    for (const args of commands) {
      for (const form of [[], ['--json']]) {
        const { stdout, stderr } = await plumb(['-C', folder, ...form, ...args]);
        expect(stdout + stderr, args.join(' ')).not.toMatch(/[^\n\t\P{Cc}]|[\u202a-\u202e]/u);
        all += stdout + stderr;
        if (form.length > 0 && stdout !== '') JSON.parse(stdout);
      }
    }
    expect(all).toContain('␛]0;x␇␛[2J\\u009b1A\\u202e');
  });

  test('prints help and version to stdout, and help to stderr where a command is missing', async () => {
    const help = await plumb(['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('materialize') });
    const version = await plumb(['--version']);
    expect(version).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
    for (const args of [[], ['log'], ['monitor']]) {
      const lost = await plumb(args);
      expect(lost).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('Usage: plumb') });
    }
  });

  test('ends in peace when the reader of its output has seen enough', async () => {
    const folder = copyOf(live());
    await serveALot(folder, 300);
    const child = spawn(process.execPath, [QUIET_NODE, PLUMB, '-C', folder, 'log', 'cat'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (part: string) => (stderr += part));
    child.stdout.once('data', () => child.stdout.destroy());
    const [code] = (await once(child, 'exit')) as [number];
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

function expectNoChange(before: ReturnType<typeof contentOf>): void {
  expect(contentOf(live())).toEqual(before);
  expect(existsSync(join(fresh(), '.plumb'))).toBe(false);
}

function copyOf(project: string): string {
  const folder = scratchFolder();
  cpSync(project, folder, { recursive: true });
  return folder;
}

/** At most: what went wrong, an indented list, an indented line of help with the code. */
function expectOneSentence({ stdout, stderr }: Finished, code: string): void {
  expect(stdout).toBe('');
  const lines = stderr.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^error: \S/);
  expect(lines.slice(1).filter((line) => !line.startsWith('  '))).toEqual([]);
  expect(lines.at(-1)).toMatch(new RegExp(`\\[(${code})\\]$`));
  expect(stderr).not.toMatch(/^ +at |node:internal|\.ts:\d+:\d+|undefined|\[object/m);
}

/** What a command prints with `--json`. */
async function data(args: readonly string[], voice: 'silent' | 'talks'): Promise<unknown> {
  const { code, stdout, stderr } = await plumb([...args, '--json']);
  expect(code, stderr).toBe(0);
  expect(stderr === '').toBe(voice === 'silent');
  return JSON.parse(stdout);
}

/** Serves a number of requests for five drivers each. */
async function serveALot(folder: string, requests: number): Promise<void> {
  const sidecar = await serve(folder);
  const body = JSON.stringify({
    feature_service: 'rank_v1',
    entities: { driver_id: [1001, 1002, 1003, 1004, 1005] },
  });
  for (let i = 0; i < requests; i++) {
    const response = await fetch(`${sidecar.url}/feature-service/get-online-features`, {
      method: 'POST',
      body,
    });
    expect(response.status).toBe(200);
    await response.arrayBuffer();
  }
  expect((await sidecar.stop()).code).toBe(0);
}

function statusesOf({ stdout }: Pick<Finished, 'stdout'>): string[] {
  return (JSON.parse(stdout) as { features: { status: string }[] }).features.map(({ status }) => status);
}

/** Every file of a project and what is in it; SQLite's own side files come and go. */
function contentOf(folder: string): Record<string, string> {
  const files = globSync('**', { cwd: folder, exclude: ['**/*-wal', '**/*-shm'], withFileTypes: true });
  return Object.fromEntries(
    files
      .filter((entry) => entry.isFile() && !/-(wal|shm)$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .map((file) => [file, readFileSync(file, 'base64')]),
  );
}
