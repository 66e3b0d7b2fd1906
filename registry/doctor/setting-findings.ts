/**
 * What is wrong with settings: names and values that do not fit, files that lack, secrets in plumbline.yaml, and
 * settings of which each fits and which together do not what somebody meant. Nothing is reached.
 */
import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { CodedError } from '../../contract/std/coded-error.ts';
import { readRegularText } from '../../contract/std/files/regular-file.ts';
import { valueAt } from '../../contract/definitions/option-sentence.ts';
import { plainSecrets } from '../../project/settings/secret-settings.ts';
import { isInputFile } from '../../project/settings/setting-guide.ts';
import type { SettingFlags } from '../../project/settings/setting-sources.ts';
import { settingsWithOrigins, spoolConsumers } from '../../project/settings/settings.ts';
import type { Settings } from '../../project/settings/settings.ts';
import { note, ok, wrong } from './finding.ts';
import type { SetupFinding } from './finding.ts';

const CHECK = 'settings';

/** @returns what is wrong, and notes; one finding that says all is well where there is nothing */
export function settingFindings(
  folder: string,
  environment: NodeJS.ProcessEnv,
  flags: SettingFlags,
): SetupFinding[] {
  let loaded: ReturnType<typeof settingsWithOrigins>;
  try {
    loaded = settingsWithOrigins(folder, environment, flags);
  } catch (error) {
    return mistakesIn(error as Error);
  }
  const { settings, origins } = loaded;
  const given = [...origins].filter(([, origin]) => origin !== 'default').map(([path]) => path);
  const file = fileOf(folder);
  const findings = [
    ...missingFiles(file, settings.folder, given),
    ...secretsIn(file),
    ...contradictions(settings),
  ];
  if (findings.length > 0) return findings;
  return [ok(CHECK, `${given.length} given, the others have their defaults`)];
}

/** Each mistake of a message with many is a finding. */
function mistakesIn(error: Error): SetupFinding[] {
  if (!(error instanceof CodedError)) throw error;
  const [head, ...lines] = error.message.split('\n  ');
  const help = 'Correct it in plumbline.yaml, or where it is named behind it (`plumb config show` says all).';
  if (lines.length === 0) return [wrong(CHECK, head!, error.details.help ?? help)];
  return lines.map((line) => wrong(CHECK, line, help));
}

/** plumbline.yaml as it was written; settings that the environment gives are no concern of it. */
function fileOf(folder: string): Readonly<Record<string, unknown>> {
  return (parse(readRegularText(join(folder, 'plumbline.yaml'))) ?? {}) as Record<string, unknown>;
}

function missingFiles(file: object, folder: string, given: readonly string[]): SetupFinding[] {
  return given.filter(isInputFile).flatMap((path) => {
    const value = valueAt(file, path.split('.'));
    if (typeof value !== 'string') return [];
    const at = resolve(folder, value);
    const fault = faultOf(at);
    return fault === null
      ? []
      : [wrong(path, `${at} ${fault}`, 'Put the file there, or name the right one.')];
  });
}

function faultOf(file: string): string | null {
  try {
    if (!statSync(file).isFile()) return 'is no file';
    readRegularText(file);
    return null;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? 'is not there' : `cannot be read: ${message}`;
  }
}

/** Secrets that stand in plumbline.yaml itself, which mostly goes to a repository. */
function secretsIn(file: object): SetupFinding[] {
  return plainSecrets(file).map(({ setting, what, instead }) =>
    note(setting, `${what} in plumbline.yaml`, `Give ${instead}.`),
  );
}

const LOOPBACK = /^(127\.|localhost$|\[?::1\]?$|unix:)/;

/** Settings that fit by themselves, and together do not do what they say. */
function contradictions(settings: Settings): SetupFinding[] {
  const { log, serve, online, registry } = settings;
  const findings: SetupFinding[] = [];
  const found = (is: boolean, check: string, text: string, help: string): void => {
    if (is) findings.push(wrong(check, text, help));
  };
  const consumers = spoolConsumers(log);
  found(
    log.enabled && log.onFull === 'reject' && consumers.length === 0,
    'log.onFull',
    'reject refuses every request once the spool is full, and nobody takes anything from it',
    'Set log.ingest: true or log.kafka, or log.onFull: shed-log.',
  );
  found(
    !log.enabled && consumers.length > 0,
    'log.enabled',
    `false, though ${consumers.join(' and ')} are to take the log: nothing is logged`,
    'Take log.enabled out, or what is to take the log.',
  );
  found(
    log.kafka !== null && log.kafka.graceMs >= serve.graceMs,
    'log.kafka.graceMs',
    `${log.kafka?.graceMs} ms, and the whole end of the sidecar may take ${serve.graceMs} (serve.graceMs): the log is cut short`,
    'Make serve.graceMs larger, by what draining takes too.',
  );
  found(
    serve.drainMs >= serve.graceMs,
    'serve.drainMs',
    `${serve.drainMs} ms, and the whole end may take ${serve.graceMs} (serve.graceMs)`,
    'Make serve.graceMs larger than serve.drainMs.',
  );
  found(
    log.enabled && log.ringBytes > log.maxBytes,
    'log.ringBytes',
    'more than the whole spool may hold (log.maxBytes)',
    'Make log.maxBytes larger: it is meant for hours of the log.',
  );
  const ports = [serve.port, serve.adminPort, serve.grpcPort].filter((port) => port !== null && port !== 0);
  found(
    new Set(ports).size < ports.length,
    'serve.port',
    'port, adminPort and grpcPort are not three ports',
    'Give each a port of its own.',
  );
  found(
    registry.kind === 'postgres' && online.kind === 'sqlite',
    'online',
    'a file of this machine, while the registry is shared by several: others cannot read it',
    'Set online to a Redis.',
  );
  return [...findings, ...notes(settings), ...sharedFolders(settings)];
}

/** What may be meant as it is. */
function notes({ access, serve, monitor, ui }: Settings): SetupFinding[] {
  const findings: SetupFinding[] = [];
  if (!LOOPBACK.test(serve.host) && serve.allowedHosts.length === 0)
    findings.push(
      note(
        'serve.allowedHosts',
        `empty, while serve.host is ${serve.host}: a call with any name but loopback is refused`,
        'Name there what callers call it.',
      ),
    );
  if (!LOOPBACK.test(ui.host) && !access.enabled)
    findings.push(
      note(
        'access.enabled',
        `false, while ui.host is ${ui.host}: whoever reaches the catalogue reads it all`,
        'Set access.enabled: true (docs/access.md), or let the catalogue listen on loopback behind what checks people.',
      ),
    );
  if (access.enabled && access.oidc !== null && access.oidc.sessionKeyFile === null)
    findings.push(
      note(
        'access.oidc.sessionKeyFile',
        'not set: sessions of browsers end with each `plumb ui`, and two of them do not know those of each other',
        'Make one: `openssl rand -out FILE 32`.',
      ),
    );
  if (monitor.alerts.length > 0 && monitor.reportsUrl === null)
    findings.push(note('monitor.reportsUrl', 'not set: alerts cannot link to their report', null));
  return findings;
}

/** Folders that two settings name, or that lie in one another, where one program removes what another keeps. */
function sharedFolders({ bundles, reports, history, served, log, stream }: Settings): SetupFinding[] {
  const all = Object.entries({
    bundles,
    reports,
    history: history.path,
    served,
    'log.spool': log.spool,
    'stream.state': stream.state,
  });
  return all.flatMap(([setting, path], i) =>
    all
      .slice(i + 1)
      .filter(([, other]) => other === path)
      .map(([other]) =>
        wrong(setting, `the same folder as ${other}: ${path}`, 'Give each a folder of its own.'),
      ),
  );
}
