/** The folders of a project: whether they can be written, and whether the disk has room for what they may hold. */
import { lstatSync, mkdtempSync, readdirSync, rmdirSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { formatBytes } from '../../contract/std/byte-size.ts';
import { isObject } from '../../contract/std/files/local-path.ts';
import { openFolder } from '../../project/storage/open-folder.ts';
import { spoolConsumers } from '../../project/settings/settings.ts';
import type { Settings } from '../../project/settings/settings.ts';
import { failed, note, off, ok, wrong } from './finding.ts';
import type { SetupFinding } from './finding.ts';

/** With less on a volume hardly anything can be written. */
const LEAST_FREE = 100 * 2 ** 20;
const ENDPOINT_LIMIT_MS = 5_000;

/** Those that lie on this machine, by the setting that names each. */
function localFolders(settings: Settings): ReadonlyMap<string, string> {
  const { bundles, reports, history, work, served, log, stream, train, monitor } = settings;
  const all: Readonly<Record<string, string>> = {
    bundles,
    reports,
    history: isObject(history.path) ? work : history.path,
    served,
    'log.spool': log.spool,
    'stream.state': stream.state,
    'train.temp': train.temp,
    'monitor.scratch': monitor.scratch,
  };
  return new Map(Object.entries(all).filter(([, path]) => !isObject(path)));
}

/** Those that a sidecar writes to: in a pod the others are not there. */
function sidecarFolders({ bundles, bundleTravel, log }: Settings): ReadonlyMap<string, string> {
  const taken: [string, string][] = bundleTravel.from.length === 0 ? [] : [['bundles', bundles]];
  return new Map(log.enabled ? [...taken, ['log.spool', log.spool]] : taken);
}

/** One finding for all that can be written, and one for each folder that cannot. */
export function folderFindings(settings: Settings, isSidecar: boolean): SetupFinding[] {
  const check = 'folders';
  const findings: SetupFinding[] = [];
  const folders = isSidecar ? sidecarFolders(settings) : localFolders(settings);
  for (const [setting, path] of folders) {
    const { there, fault } = probed(path);
    const help = `Make ${there} a folder that the user of plumb (uid ${process.getuid?.() ?? '?'}) may write, or set ${setting} to another.`;
    if (fault !== null) findings.push(wrong(setting, `${path} cannot be written: ${fault}`, help));
    else if (freeBytes(there) < LEAST_FREE)
      findings.push(
        wrong(
          setting,
          `the disk below ${path} has ${formatBytes(freeBytes(there))} left`,
          'Make room on it.',
        ),
      );
  }
  if (findings.length > 0) return findings;
  if (folders.size === 0) return [off(check, 'nothing is written')];
  return [ok(check, `${[...folders.keys()].join(', ')} can be written`)];
}

/** How much the spool holds, and whether its disk takes what it may hold. */
export function spoolFinding({ log }: Settings): SetupFinding {
  const check = 'spool';
  if (!log.enabled) return off(check, 'log.enabled is false: nothing is logged, and nothing can be judged');
  const { there, fault } = probed(log.spool);
  if (fault !== null) return off(check, 'its folder cannot be written');
  const held = heldBytes(log.spool);
  const room = freeBytes(there) + held;
  const holds = `${formatBytes(held)} of at most ${formatBytes(log.maxBytes)}`;
  if (room < log.maxBytes)
    return wrong(
      check,
      `${holds}, but its disk has room for ${formatBytes(room)} of it alone`,
      'Set log.maxBytes well below what its volume has, or give it a larger one.',
    );
  if (spoolConsumers(log).length === 0)
    return note(
      check,
      `${holds}; nobody takes what it holds`,
      'Set log.ingest: true where `plumb monitor ingest` reads it, or log.kafka where it is shipped.',
    );
  return ok(check, `${holds}, taken by ${spoolConsumers(log).join(', ')}`);
}

/** Folders in object storage, read as a run would. */
export async function objectFindings(settings: Settings): Promise<SetupFinding[]> {
  const findings: SetupFinding[] = [];
  for (const [setting, path] of [
    ['history', settings.history.path],
    ['served', settings.served],
  ] as const) {
    if (!isObject(path)) continue;
    try {
      await reached(settings.elsewhere.s3.endpoint);
      const names = await openFolder(path, settings.elsewhere.s3).names();
      findings.push(ok(setting, `${path} can be read (${names.length} names in it)`));
    } catch (error) {
      findings.push(failed(setting, error, 'Look at s3.endpoint, the login and the name of the bucket.'));
    }
  }
  return findings;
}

/** Asks the endpoint for anything: the calls to object storage try for a minute before they give up. */
async function reached(endpoint: string | null): Promise<void> {
  if (endpoint === null) return;
  try {
    await fetch(endpoint, { signal: AbortSignal.timeout(ENDPOINT_LIMIT_MS) });
  } catch (error) {
    const { cause, message } = error as Error;
    throw new Error(`${endpoint} does not answer: ${cause instanceof Error ? cause.message : message}`, {
      cause: error,
    });
  }
}

/**
 * Makes a folder in the place that is there, or in the nearest above it, and removes it: rights, read-only volumes and
 * files in the way show only so.
 *
 * @returns the place, and why nothing can be made there; null: it can
 */
function probed(path: string): { readonly there: string; readonly fault: string | null } {
  let there = path;
  while (!isThere(there) && there !== dirname(there)) there = dirname(there);
  try {
    if (!statSync(there).isDirectory()) return { there, fault: `${there} is no folder` };
    rmdirSync(mkdtempSync(join(there, '.plumb-doctor-')));
    return { there, fault: null };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { there, fault: code === undefined ? message : `${there}: ${message.split(',')[0]!}` };
  }
}

function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
}

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

function heldBytes(folder: string): number {
  try {
    return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  } catch {
    return 0;
  }
}
