/** The registry and what is applied: reached, in force, like the definition files, materialized. */
import { existsSync } from 'node:fs';
import { currentHash, loadBundle, readPointer } from '../../contract/definitions/bundle-folder.ts';
import { firstHmacMark, exposedKeyNotice, loadHmacKey } from '../../contract/log-privacy.ts';
import { hasHistory } from '../../contract/model.ts';
import type { Bundle } from '../../contract/model.ts';
import { countText } from '../../contract/std/count-text.ts';
import { withoutPassword } from '../../contract/std/secret-text.ts';
import { historyFolder } from '../../project/history/history-folder.ts';
import { readHistory } from '../../project/history/history-snapshot.ts';
import { openFolder } from '../../project/storage/open-folder.ts';
import { RegistryDatabase } from '../../project/database/registry-database.ts';
import type { Project } from '../../project/project.ts';
import type { Settings } from '../../project/settings/settings.ts';
import type { CodedError } from '../../contract/std/coded-error.ts';
import { planProject } from '../apply.ts';
import { RemoteRegistry } from '../remote/remote-registry.ts';
import { failed, note, off, ok, wrong } from './finding.ts';
import type { SetupFinding } from './finding.ts';

const APPLY = 'Run `plumb apply`.';

/** @returns null where none is published, or it cannot be read: `bundleFinding` says why */
export function bundleInForce({ bundles }: Settings): Bundle | null {
  try {
    const hash = currentHash(bundles);
    return hash === null ? null : loadBundle(bundles, hash);
  } catch {
    return null;
  }
}

export function bundleFinding({ bundles, bundleTravel, registry }: Settings): SetupFinding {
  try {
    const hash = currentHash(bundles);
    if (hash === null && registry.kind === 'http') {
      const isTaken = bundleTravel.from.length > 0;
      const help = isTaken
        ? 'Run `plumb bundle take`.'
        : `Where something is served, set bundles.from to ${registry.url.replace(/\/+$/, '')}/bundles.`;
      return note('bundle', `none is in ${bundles}: the server of the registry has them`, help);
    }
    if (hash === null && bundleTravel.from.length > 0) {
      const help = '`plumb serve` takes it at its start, `plumb bundle take` now.';
      return note('bundle', `none has come into ${bundles} yet`, help);
    }
    if (hash === null)
      return wrong('bundle', `none is published in ${bundles}: nothing can be served`, APPLY);
    const { views, services } = loadBundle(bundles, hash);
    const holds = `${countText(views.size, 'view')}, ${countText(services.size, 'service')}`;
    return ok('bundle', `${hash}: ${holds}`);
  } catch (error) {
    return failed('bundle', error, 'Run `plumb apply` again; it publishes the bundle anew.');
  }
}

/**
 * @param isHistoryRead  whether the history can be looked at, which a plan does
 * @returns              what registry and definition files say; the registry is not made where it is not there
 */
export async function registryFindings(project: Project, isHistoryRead: boolean): Promise<SetupFinding[]> {
  const { settings } = project;
  const { registry, bundles } = settings;
  if (registry.kind === 'http') return serverFindings(project);
  if (registry.kind === 'sqlite' && !existsSync(registry.url))
    return [wrong('registry', `${registry.url} is not there yet`, `${APPLY} It makes the registry.`)];
  try {
    return await RegistryDatabase.using(registry, async (database) => {
      const last = await database.lastApplied();
      const where = registry.kind === 'sqlite' ? registry.url : withoutPassword(registry.url);
      if (last === null) return [wrong('registry', `${where}: nothing was ever applied`, APPLY)];
      const current = hashIn(bundles);
      const said = `${where}: apply ${last.sequence} is in force, bundle ${last.hash}`;
      const found =
        current !== null && current !== last.hash
          ? wrong('registry', `${said}, but the folder of bundles has ${current} in force`, APPLY)
          : ok('registry', said);
      const definitions = isHistoryRead
        ? await definitionsFinding(project, database)
        : off('definitions', 'not planned: the history cannot be read');
      const lost = isHistoryRead ? await lostHistories(settings, database) : [];
      return [found, definitions, await runsFinding(settings, database), ...lost];
    });
  } catch (error) {
    const help =
      registry.kind === 'sqlite'
        ? 'Look at its rights; a file that is no registry has to be moved away.'
        : 'Look at the URL and the login of registry, and whether PostgreSQL runs.';
    return [failed('registry', error, help)];
  }
}

/** Of a registry that a server has: what is in force there, which whoever may read is told. */
async function serverFindings(project: Project): Promise<SetupFinding[]> {
  const { url } = project.settings.registry;
  const definitions = off('definitions', 'not planned: `plumb plan` asks the server');
  try {
    const last = await new RemoteRegistry(project).lastApplied();
    if (last === null) return [note('registry', `${url}: nothing was ever applied`, APPLY), definitions];
    const said = `${url}: apply ${last.sequence} is in force, bundle ${last.hash}`;
    return [ok('registry', said), definitions];
  } catch (error) {
    const { code, message } = error as CodedError;
    const help = 'Set PLUMB_TOKEN, or run `plumb login`.';
    if (code === 'REG_LOGIN') return [note('registry', `${url}: ${message}`, help), definitions];
    return [failed('registry', error, 'Look whether `plumb ui` runs there, and at access.ca.'), definitions];
  }
}

/** Of the last apply that was published there, which may be staged. */
function hashIn(bundles: string): string | null {
  try {
    const pointer = readPointer(bundles);
    return pointer?.staged?.name ?? pointer?.name ?? null;
  } catch {
    return null;
  }
}

async function definitionsFinding(project: Project, database: RegistryDatabase): Promise<SetupFinding> {
  const check = 'definitions';
  try {
    const { changes } = await planProject(project, database);
    if (changes.length === 0) return ok(check, 'as applied');
    return note(
      check,
      `${countText(changes.length, 'change')} not applied`,
      'Run `plumb plan`, then `plumb apply`.',
    );
  } catch (error) {
    return failed(check, error, 'Run `plumb plan` for all mistakes.');
  }
}

async function runsFinding(settings: Settings, database: RegistryDatabase): Promise<SetupFinding> {
  const check = 'runs';
  const views = [...(bundleInForce(settings)?.views.keys() ?? [])];
  const runs = await database.runs();
  const never = views.filter((view) => !runs.some((run) => run.view === view && run.state === 'complete'));
  if (never.length === 0) return ok(check, `${countText(views.length, 'view')}, each was materialized`);
  const few = never.slice(0, 5).join(', ');
  const more = never.length > 5 ? ` and ${never.length - 5} more` : '';
  return note(
    check,
    `${few}${more}: no run has come to its end`,
    'Run `plumb materialize`, or `plumb stream`.',
  );
}

/** Views whose runs have written a history, where none is now. */
async function lostHistories(settings: Settings, database: RegistryDatabase): Promise<SetupFinding[]> {
  const runs = await database.runs();
  const root = openFolder(settings.history.path, settings.elsewhere.s3);
  const findings: SetupFinding[] = [];
  for (const view of bundleInForce(settings)?.views.values() ?? []) {
    const wrote = runs.findLast((run) => run.view === view.id && run.historyRows > 0);
    if (wrote === undefined || !hasHistory(view)) continue;
    try {
      if ((await readHistory(root, view)) !== null) continue;
      const { path } = historyFolder(root, view);
      const said = `run ${wrote.runId} of ${view.id} has written rows, and there is no history in ${path}: it is lost`;
      const help = `Put the folder back from a copy, or compute it anew: \`plumb materialize --view ${view.id} --full\`.`;
      findings.push(wrong('history', said, help));
    } catch (error) {
      findings.push(failed('history', error, 'Put its log back from a copy.'));
    }
  }
  return findings;
}

/** The secret of HMACs, where a definition or a setting asks for one. */
export function secretFinding({ log }: Settings, bundle: Bundle | null): SetupFinding {
  const check = 'log.hmacKey';
  const mark = bundle === null ? null : firstHmacMark(bundle);
  if (log.hmacKey === null && mark === null) return off(check, 'no definition asks for it');
  if (log.hmacKey === null)
    return wrong(
      check,
      `${mark} is hashed in the log, and there is no secret`,
      'Set log.hmacKey: { id, file }.',
    );
  try {
    loadHmacKey(log.hmacKey);
    const exposed = exposedKeyNotice(log.hmacKey);
    if (exposed !== null) return note(check, exposed, `chmod 600 ${log.hmacKey.file}`);
    return ok(check, `${log.hmacKey.id} can be read`);
  } catch (error) {
    return failed(check, error, 'Make the file: at least 16 random bytes.');
  }
}
