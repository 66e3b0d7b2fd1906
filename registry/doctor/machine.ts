/** What of a set-up lies in this machine: Node, the native libraries, the transport, the ports, the clock. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { loadExtension } from '../../project/engine/duckdb/extension.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { isObject } from '../../contract/std/files/local-path.ts';
import type { Bundle } from '../../contract/model.ts';
import { checkNodeVersion } from '../../project/node-version.ts';
import { openClock } from '../../project/open-clock.ts';
import type { Settings } from '../../project/settings/settings.ts';
import { failed, note, off, ok, wrong } from './finding.ts';
import type { SetupFinding } from './finding.ts';

/** Before it a clock has plainly never been set. */
const FIRST_DAY_MS = Date.UTC(2025, 0, 1);

export function nodeFinding(version: string): SetupFinding {
  try {
    checkNodeVersion(version);
    return ok('node', `${version} on ${process.platform} ${process.arch}`);
  } catch (error) {
    return failed('node', error, 'Install Node 22.');
  }
}

export async function duckdbFinding(): Promise<SetupFinding> {
  try {
    const duck = await DuckDb.open({ memoryLimit: '64MB' });
    const [row] = await duck.rows('SELECT version() AS version');
    duck.close();
    return ok('duckdb', String(row!['version']));
  } catch (error) {
    const help = 'Install the dependencies again on this machine (`npm ci`): its library is native.';
    return failed('duckdb', error, help);
  }
}

/** What of DuckDB's extensions the sources and folders need; loads them as a run would. */
export async function extensionsFinding(settings: Settings, bundle: Bundle | null): Promise<SetupFinding> {
  const check = 'extensions';
  const sources = [...(bundle?.views.values() ?? [])].map(({ source }) => source);
  const needs = new Map<'delta' | 'iceberg' | 'httpfs', string>();
  for (const { name, path, table } of sources) {
    if (table !== undefined) needs.set(table, `the source ${name} is a table of ${table}`);
    if (isObject(path)) needs.set('httpfs', `the source ${name} lies in object storage`);
  }
  if (isObject(settings.history.path)) needs.set('httpfs', 'the history lies in object storage');
  if (isObject(settings.served)) needs.set('httpfs', 'the archive lies in object storage');
  if (needs.size === 0) return off(check, 'nothing that is applied needs any');
  const duck = await DuckDb.open({ elsewhere: settings.elsewhere });
  try {
    for (const [extension, need] of needs) await loadExtension(duck, extension, need);
    return ok(check, `${[...needs.keys()].join(', ')} load`);
  } catch (error) {
    return failed(check, error, 'Put the extension where duckdb.extensions says.');
  } finally {
    duck.close();
  }
}

export async function transportFinding({ serve }: Settings): Promise<SetupFinding> {
  const check = 'transport';
  if (serve.transport === 'node') return ok(check, 'node:http, as set');
  try {
    await import('uWebSockets.js');
    return ok(check, 'uWebSockets.js loads');
  } catch (error) {
    const [why] = (error as Error).message.split('\n');
    const help =
      'Install with optional dependencies on this machine (`npm ci --include=optional`), or set serve.transport: node.';
    if (serve.transport === 'uws') return wrong(check, `uWebSockets.js does not load: ${why}`, help);
    return note(check, `node:http, which is slower: uWebSockets.js does not load: ${why}`, help);
  }
}

/** Whether the sidecar's ports can be had; one that is taken may be a sidecar that runs. */
export async function portFindings({ serve }: Settings): Promise<SetupFinding[]> {
  const places: [name: string, host: string, port: number][] = [
    ['serve.port', serve.host, serve.port],
    ['serve.adminPort', serve.adminHost, serve.adminPort],
    ...(serve.grpcPort === null
      ? []
      : [['serve.grpcPort', '127.0.0.1', serve.grpcPort] satisfies [string, string, number]]),
  ];
  const findings: SetupFinding[] = [];
  for (const [name, host, port] of places)
    if (!host.startsWith('unix:')) findings.push(await portFinding(name, host, port));
  return findings;
}

async function portFinding(name: string, host: string, port: number): Promise<SetupFinding> {
  const at = `${host === '' ? 'all interfaces' : host}, port ${port}`;
  const server = createServer();
  try {
    server.listen({ port, exclusive: true, ...(host === '' ? {} : { host }) });
    await once(server, 'listening');
    return ok(name, `${at}: free`);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      return note(
        name,
        `${at}: taken`,
        'Well if a sidecar runs here; else set another port, or end what has it.',
      );
    const help =
      code === 'EACCES'
        ? 'Ports below 1024 are for root: set another port.'
        : 'Set a host that is an address of this machine.';
    return wrong(name, `${at}: cannot be listened on: ${message}`, help);
  } finally {
    server.close();
  }
}

export function clockFinding({ clock }: Settings): SetupFinding {
  const check = 'clock';
  try {
    const { notice } = openClock(clock);
    if (notice !== null)
      return note(check, notice, 'In production there is no clock.control: take it out of the settings.');
  } catch (error) {
    return failed(check, error, 'Take clock.control out of the settings: it is for rehearsals.');
  }
  const now = new Date();
  if (now.getTime() < FIRST_DAY_MS)
    return wrong(check, `this machine says it is ${now.toISOString()}`, 'Set the clock; run NTP.');
  return ok(check, now.toISOString());
}
