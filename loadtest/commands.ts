/** The command `plumb load`: puts load on a running sidecar and says whether objectives hold. */
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadCurrentBundle } from '../contract/definitions/bundle-folder.ts';
import type { CommandContext, ExitCode } from '../project/command.ts';
import { printResult } from '../project/command.ts';
import { projectOf } from '../project/project.ts';
import type { Settings } from '../project/settings/settings.ts';
import { parseDuration } from '../contract/std/duration.ts';
import { loadError } from './errors.ts';
import { loadPage } from './report/load-page.ts';
import { loadJson, renderLoad } from './report/load-report.ts';
import { runLoad } from './load-test.ts';
import type { LoadOptions } from './load-test.ts';
import type { Profile } from './profiles/profile.ts';
import { PROFILES } from './profiles/profiles.ts';
import { LOAD_SURFACES } from './request/request-text.ts';
import type { LoadSurface } from './request/request-text.ts';
import { parseObjectives } from './slo.ts';

/** As commander hands them over. */
export interface LoadFlags {
  readonly profile: string;
  readonly rate: string;
  readonly duration: string;
  readonly warmup: string;
  readonly timeout: string;
  readonly slo?: string[];
  readonly url?: string;
  readonly service?: string;
  readonly surface: string;
  readonly keys: string;
  readonly connections: string;
  readonly processes: string;
  readonly deadlineMs?: string;
  readonly seed: string;
  readonly storePid?: string;
  readonly html?: string;
}

const DEFAULT_URL = 'http://127.0.0.1:6566';
const MAX_PER_SECOND = 1_000_000;
const MAX_LASTS_NS = 24 * 3_600e9;
/** How long the sidecar keeps a row fresh unless told otherwise. */
const FRESH_S = 5;

/** Exit code 1 when an objective does not hold. */
export async function load(context: CommandContext, flags: LoadFlags): Promise<ExitCode> {
  const options = readOptions(context, flags);
  if (options.profile.name === 'cold') warnWhereWarm(context, options);
  const result = await runLoad(options, context.logger);
  if (flags.html !== undefined) {
    const file = resolve(flags.html);
    writeFileSync(file, loadPage(result));
    context.logger.info(`The latency picture is in ${file}.`);
  }
  await printResult(context, loadJson(result), () => renderLoad(result, context.color));
  return result.holds ? 0 : 1;
}

function readOptions(context: CommandContext, flags: LoadFlags): LoadOptions {
  const settings = existsSync(join(context.folder, 'plumbline.yaml')) ? projectOf(context).settings : null;
  const objectives = (flags.slo ?? []).flatMap(parseObjectives);
  return {
    url: flags.url ?? (settings === null ? DEFAULT_URL : urlOf(settings)),
    service: flags.service ?? onlyService(settings),
    profile: profileOf(flags.profile),
    surface: surfaceOf(flags.surface),
    keys: flags.keys,
    perSecond: flags.rate === 'max' ? null : numberOf('rate', flags.rate, 0.01, MAX_PER_SECOND),
    lastsNs: nanoseconds('duration', flags.duration, 1e6, MAX_LASTS_NS),
    warmupNs: nanoseconds('warmup', flags.warmup, 0, MAX_LASTS_NS),
    timeoutNs: nanoseconds('timeout', flags.timeout, 1e6, 600e9),
    connections: wholeOf('connections', flags.connections, 1, 10_000),
    processes: wholeOf('processes', flags.processes, 1, 64),
    deadlineMs:
      flags.deadlineMs === undefined ? null : numberOf('deadline-ms', flags.deadlineMs, 0.001, 60_000),
    seed: wholeOf('seed', flags.seed, 0, 2 ** 31),
    objectives,
    storePid: flags.storePid === undefined ? null : wholeOf('store-pid', flags.storePid, 0, 2 ** 31),
  };
}

function urlOf({ serve: { host, port } }: Settings): string {
  if (host.startsWith('unix:')) return host;
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

function onlyService(settings: Settings | null): string {
  if (settings === null) {
    throw loadError('LOAD_USAGE', '--service: outside a project, name the feature service', {
      field: 'service',
    });
  }
  const names = [...loadCurrentBundle(settings.bundles).services.keys()];
  if (names.length === 1) return names[0]!;
  const message = `--service: the project has ${names.length} feature services (${names.join(', ')}), name one`;
  throw loadError('LOAD_USAGE', message, { field: 'service' });
}

function profileOf(name: string): Profile {
  const profile = PROFILES.get(name);
  if (profile !== undefined) return profile;
  const known = [...PROFILES.keys()].join(', ');
  throw loadError('LOAD_USAGE', `--profile: there is no ${name}; there are ${known}`, { field: 'profile' });
}

function surfaceOf(name: string): LoadSurface {
  const surface = LOAD_SURFACES.find((known) => known === name);
  if (surface !== undefined) return surface;
  const message = `--surface: there is no ${name}; there are ${LOAD_SURFACES.join(', ')}`;
  throw loadError('LOAD_USAGE', message, { field: 'surface' });
}

function nanoseconds(flag: string, text: string, least: number, most: number): number {
  const us = parseDuration(text);
  if (us !== null && us * 1e3 >= least && us * 1e3 <= most) return us * 1e3;
  const example = flag === 'duration' ? '30s' : '2s';
  throw loadError('LOAD_USAGE', `--${flag}: expected a time such as ${example}, got ${text}`, {
    field: flag,
  });
}

function wholeOf(flag: string, text: string, least: number, most: number): number {
  if (Number.isInteger(Number(text))) return numberOf(flag, text, least, most);
  throw loadError('LOAD_USAGE', `--${flag}: expected a whole number, got ${text}`, { field: flag });
}

function numberOf(flag: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (text.trim() !== '' && number >= least && number <= most) return number;
  const more = flag === 'rate' ? ', or max' : '';
  throw loadError('LOAD_USAGE', `--${flag}: expected a number from ${least} to ${most}${more}, got ${text}`, {
    field: flag,
  });
}

/** Only a range tells its size before the sidecar was asked; files are read later. */
function warnWhereWarm({ logger }: CommandContext, { keys, perSecond }: LoadOptions): void {
  const [from, to] = keys.split('..').map(Number);
  const size = to === undefined ? Number.NaN : to - from! + 1;
  if (perSecond === null || !(size < perSecond * FRESH_S)) return;
  logger.warn(
    `${size} entities at ${perSecond} requests/s come again before the cache's ${FRESH_S} s are over: ` +
      `they will not all miss; give --keys with ${Math.ceil(perSecond * FRESH_S)} or more`,
  );
}
