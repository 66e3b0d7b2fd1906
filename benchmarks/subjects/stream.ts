/**
 * `plumb stream --drain` of clicks as a whole process, into Redis, the archive and the history: five windows of one
 * view, hop 10 s, 100,000 users by Zipf's law. From a folder of JSON lines; where KAFKA_BROKERS names brokers
 * (test/support/kafka/kafka-run.ts starts one for a command) from a topic of four partitions, too.
 *
 *   busy   20,000 events a second of event time: many events a tile
 *   quiet  1,000 events a second: nearly every event is the only one of its user in its hop, and gives a row
 *
 * What counts is the CPU of the process with all its threads, and the peak of its resident memory. The start, which is
 * taken off once, is what a drain of nothing costs.
 */
import { mkdtempSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { BenchContext } from '../harness/bench-context.ts';
import { ROOT } from '../harness/contender.ts';
import { stageTimes, topSelfTimes } from '../harness/cpu-profile.ts';
import { measuredRun } from '../harness/measured-run.ts';
import type { MeasuredRun } from '../harness/measured-run.ts';
import { print } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';
import { layClicks, makeClickTopic, sendClicks, writeClickProject } from '../harness/streamed-clicks.ts';
import type { ClickShape } from '../harness/streamed-clicks.ts';

const NODE = ['--disable-warning=ExperimentalWarning'];
const PROGRAM = join(ROOT, 'plumb.ts');
const USUAL_EVENTS = 1_000_000;
const USERS = 100_000;
const PARTITIONS = 4;
const HOP = '10s';
const RATES = { busy: 20_000, quiet: 1_000 } as const;
const WANTED = 200_000;
const WANTED_MIB = 512;
const TOP = 25;
const AHEAD_S = 3_600;

/** What the program's files do in a stream. */
const STAGES: readonly (readonly [file: RegExp, stage: string])[] = [
  [/materializer\/stream\/source\/|platformatic/, 'fetch'],
  [/materializer\/stream\/decode\//, 'decode'],
  [/materializer\/stream\/(archive|output\/history)|duckdb|project\/(delta|history)/, 'archive and history'],
  [/materializer\/stream\/state\/|sqlite/, 'state'],
  [/materializer\/(online|stream\/output\/online)/, 'online'],
  [/contract\/aggregation\/windows|contract\/wire|windows\/due-rows/, 'windows and rows'],
  [/contract\/aggregation|materializer\/stream\//, 'tiles'],
];

export async function streamedClicks(context: BenchContext): Promise<Target[]> {
  const events = context.events ?? USUAL_EVENTS;
  const brokers = (process.env['KAFKA_BROKERS'] ?? '').split(',').filter((name) => name !== '');
  print(`\nA stream: ${events} clicks of ${USERS} users, five windows of one view, hop 10 s`);
  const targets: Target[] = [];
  // Of another project: with nothing to read, a stream's time goes by the clock, and what comes then is late.
  const start = await startOf(context);
  for (const [name, perSecond] of Object.entries(RATES)) {
    // Ahead of the clock: a slow run would otherwise have more edges that are due by it, and write more rows.
    const untilUs = (Math.floor(Date.now() / 10_000) * 10 + AHEAD_S) * 1_000_000 - 1;
    const shape = { events, users: USERS, perSecond, untilUs };
    targets.push(...(await drained(context, { name: `${name}, folder`, shape, start, brokers: null })));
    if (brokers.length === 0) continue;
    // A broker says when a message was appended.
    const sent = { ...shape, untilUs: Date.now() * 1_000 };
    targets.push(...(await drained(context, { name: `${name}, topic`, shape: sent, start, brokers })));
  }
  return targets;
}

interface StreamCase {
  readonly name: string;
  readonly shape: ClickShape;
  readonly start: MeasuredRun;
  /** null: the clicks lie in a folder. */
  readonly brokers: string[] | null;
}

/** @returns a drain of nothing */
async function startOf(context: BenchContext): Promise<MeasuredRun> {
  const folder = mkdtempSync(join(context.folder, 'stream-'));
  writeClickProject(folder, { from: 'folder: data/incoming', hop: HOP }, [onlineOf(context, folder)]);
  await plumb(folder, ['apply']);
  return plumb(folder, ['stream', '--drain']);
}

function onlineOf({ redisPort }: BenchContext, folder: string): string {
  return `online: { url: "redis://127.0.0.1:${redisPort}", keyPrefix: ${basename(folder)} }`;
}

async function drained(context: BenchContext, streamed: StreamCase): Promise<Target[]> {
  const { name, shape, start, brokers } = streamed;
  const folder = mkdtempSync(join(context.folder, 'stream-'));
  const settings = [onlineOf(context, folder)];
  const topic = { brokers: brokers ?? [], topic: `clicks-${basename(folder)}`, partitions: PARTITIONS };
  if (brokers !== null) settings.push(`stream: { kafka: { brokers: [${brokers.join(', ')}] } }`);
  const from = brokers === null ? 'folder: data/incoming' : `topic: ${topic.topic}`;
  writeClickProject(folder, { from, hop: HOP }, settings);
  if (brokers !== null) await makeClickTopic(topic);
  await plumb(folder, ['apply']);
  if (brokers === null) layClicks(folder, shape);
  else await sendClicks(topic, shape);
  const profile = join(folder, 'profile');
  const flags = context.profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : [];
  const run = await plumb(folder, ['stream', '--drain'], flags);
  const cpu = run.cpuSeconds - start.cpuSeconds;
  const mib = run.peakBytes! / 2 ** 20;
  print(
    `  ${name}: ${run.seconds.toFixed(1)} s, ${run.cpuSeconds.toFixed(2)} s of CPU, of which the start takes ` +
      `${start.cpuSeconds.toFixed(2)}; ${mib.toFixed(0)} MiB, at the start ${(start.peakBytes! / 2 ** 20).toFixed(0)}`,
  );
  if (context.profile) {
    for (const { where, share } of stageTimes(profile, STAGES).filter((stage) => stage.share > 0.01))
      print(`    ${(share * 100).toFixed(1).padStart(5)} %  ${where}`);
    for (const { where, share } of topSelfTimes(profile, TOP, Infinity))
      print(`    ${(share * 100).toFixed(1).padStart(5)} %  ${where}`);
  }
  const what = `stream, ${name}: events a second of CPU`;
  return [
    { what, reached: shape.events / cpu, wanted: WANTED, unit: '', atMost: false },
    { what: `stream, ${name}: peak memory`, reached: mib, wanted: WANTED_MIB, unit: 'MiB', atMost: true },
  ];
}

function plumb(folder: string, args: readonly string[], flags: readonly string[] = []): Promise<MeasuredRun> {
  return measuredRun(process.execPath, [...NODE, ...flags, PROGRAM, '-C', folder, ...args]);
}
