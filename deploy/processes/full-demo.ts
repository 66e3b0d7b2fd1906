/**
 * `npm run demo -- --full`: the demo's day on what runs in production, each a process of its own: a Redis Cluster,
 * Kafka, PostgreSQL, the sidecar, the ingest and the catalogue. Then all go on until Ctrl-C, and one page leads to
 * everything. The set of `deploy/compose`, where no container engine is.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { terminalLogger } from '../../contract/std/logger.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { renderDemo, runDemo, today } from '../../examples/retail/demo.ts';
import type { DemoResult } from '../../examples/retail/demo.ts';
import { freePorts, startProgram, startSidecar } from '../../examples/retail/plumb-process.ts';
import type { PlumbProcess } from '../../examples/retail/plumb-process.ts';
import { openProject } from '../../project/project.ts';
import { demoPage } from './demo-page.ts';
import { startServers } from './servers.ts';
import type { Servers } from './servers.ts';

const FOLDER = '.plumb/full-demo';
/** Two cores that all of these share may take long to answer; nothing waits on the demo. */
const DEADLINE_MS = 1_000;

interface FullDemo {
  readonly result: DemoResult;
  /** The page that leads to everything: a file. */
  readonly page: string;
  /** What it links to, by HTTP. */
  readonly links: readonly string[];
  stop(): Promise<void>;
}

/** @throws Error with one sentence where a server cannot be had, and what `runDemo` throws */
export async function runFullDemo(dir: string, logger: Logger): Promise<FullDemo> {
  logger.info('Redis Cluster, Kafka and PostgreSQL are started ...');
  const servers = await startServers(logger);
  const programs: PlumbProcess[] = [];
  const stop = async (): Promise<void> => {
    const ended = await Promise.allSettled(programs.splice(0).map((one) => one.stop()));
    await servers.stop();
    const failed = ended.find(({ status }) => status === 'rejected');
    if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
  };
  try {
    const [uiPort] = await freePorts();
    const settings = settingsOf(servers, uiPort);
    const result = await runDemo(dir, today(), logger, { settings, deadlineMs: DEADLINE_MS });
    const { folder } = result;
    const sidecar = await startSidecar(folder);
    programs.push(sidecar, startProgram(folder, 'ui'), startProgram(folder, 'monitor', 'ingest', '--follow'));
    const { serve } = openProject(folder, logger, {}).settings;
    const catalogue = `http://127.0.0.1:${uiPort}`;
    const admin = `http://127.0.0.1:${serve.adminPort}`;
    const { html, links } = demoPage({ result, servers, sidecar: sidecar.url, admin, catalogue });
    const page = join(folder, 'index.html');
    writeFileSync(page, html);
    return { result, page, links, stop };
  } catch (error) {
    await stop().catch(() => {});
    throw error;
  }
}

function settingsOf({ online, brokers, registry }: Servers, uiPort: number): string[] {
  return [
    `online: ${online}`,
    `log: { kafka: { brokers: [${brokers.map((one) => `"${one}"`).join(', ')}], graceMs: 20000 } }`,
    `ui: { port: ${uiPort} }`,
    ...(registry === null ? [] : [`registry: ${registry}`]),
  ];
}

function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}

if (import.meta.main === true || process.argv[1] === import.meta.filename) {
  const at = process.argv.indexOf('--dir');
  const logger = terminalLogger(process.stderr);
  const demo = await runFullDemo(at === -1 ? FOLDER : process.argv[at + 1]!, logger);
  process.stdout.write(`${renderDemo(demo.result, process.stdout.isTTY)}\n`);
  process.stdout.write(`\nEverything from one page: ${pathToFileURL(demo.page).href}\n`);
  if (!process.argv.includes('--once')) {
    logger.info('All of it runs on; Ctrl-C ends it.');
    await untilSignal();
  }
  await demo.stop();
}
