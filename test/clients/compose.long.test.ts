/**
 * `deploy/compose/compose.yaml` with each service's own command, environment, mounts, user and read-only root, started
 * in order and by its health checks: definitions come into force, a request is served, logged, shipped, ingested and
 * judged, the catalogue shows it, Prometheus scrapes it. Only the base images are this machine's programs.
 */
import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { readCompose, startOrder } from '../support/deploy/compose-file.ts';
import type { ComposeService } from '../support/deploy/compose-file.ts';
import { containerOf } from '../support/deploy/compose-images.ts';
import { startEngine } from '../support/deploy/small-engine.ts';
import type { Container, Engine } from '../support/deploy/small-engine.ts';
import { until } from '../support/until.ts';

const LIMIT_MS = 900_000;
const FILE = join(import.meta.dirname, '../../deploy/compose/compose.yaml');
/** Those that end by themselves, once. */
const ONCE = new Set(['redis-cluster', 'kafka-topic', 'applied', 'materialized']);

const folder = mkdtempSync(join(tmpdir(), 'plumb-compose-'));
const volumes = join(folder, 'volumes');
const plumbline = join(folder, 'plumbline');
const containers = new Map<string, Container>();
let engine: Engine;

const fails = (name: string): string => `${name} said:\n${containers.get(name)!.said()}`;

/** Waits as `depends_on` says, then starts it. */
async function start(
  name: string,
  service: ComposeService,
  all: Readonly<Record<string, ComposeService>>,
): Promise<void> {
  for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
    const container = containers.get(other)!;
    if (condition === 'service_completed_successfully') expect(await container.ended, fails(other)).toBe(0);
    else {
      const [, ...check] = all[other]!.healthcheck!.test;
      await until(
        async () => {
          if (container.isOver()) throw new Error(fails(other));
          return (await container.exec(check)).code === 0;
        },
        `${other} is healthy`,
        500,
      );
    }
  }
  const options = await containerOf(service, { volumes, plumbline });
  // What runs each quarter of an hour is not waited for.
  const command = options.command.map((word) => word.replaceAll(/\bsleep \d+/g, 'sleep 3'));
  containers.set(name, await engine.run(name, { ...options, command }));
}

beforeAll(async () => {
  // The build is its user's alone, and the images' user is another.
  cpSync(dirname(dirname(inject('plumb'))), plumbline, { recursive: true, verbatimSymlinks: true });
  for (const one of [folder, plumbline, join(plumbline, 'dist/plumb.js')]) chmodSync(one, 0o755);
  const file = readCompose(FILE, {});
  engine = await startEngine(Object.keys(file.services));
  for (const name of startOrder(file)) await start(name, file.services[name]!, file.services);
}, LIMIT_MS);
afterAll(async () => {
  await engine.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Not by `fetch`, which refuses port 6566. */
const ASK = `
  const [url, body] = process.argv.slice(1);
  const tell = (status, text) => console.log(JSON.stringify({ status, text }));
  const request = require('node:http').request(url, { method: body ? 'POST' : 'GET' }, (answer) => {
    let text = '';
    answer.on('data', (part) => (text += part)).on('end', () => tell(answer.statusCode, text));
  });
  request.on('error', (error) => tell(0, String(error))).end(body);`;

/** @returns what a URL answers to another service; status 0: nothing */
async function asked(from: string, url: string, body?: object): Promise<Answer> {
  const words = body === undefined ? [url] : [url, JSON.stringify(body)];
  const { output } = await containers.get(from)!.exec(['node', '--eval', ASK, '--', ...words]);
  return JSON.parse(output) as Answer;
}

test(
  'all of it runs, and a request comes as far as a verdict',
  async () => {
    const ready = async (): Promise<boolean> =>
      (await asked('catalogue', 'http://sidecar:6567/readyz')).status === 200;
    await until(ready, 'the sidecar is ready', 500);
    const request = { feature_service: 'rank_v1', entities: { driver_id: [1001, 1002] } };
    const url = 'http://sidecar:6566/feature-service/get-online-features';
    const { status, text } = await asked('catalogue', url, request);
    expect(status, `${text}\n${fails('sidecar')}`).toBe(200);
    expect(text).toContain('1001');

    const reports = (): string[] => {
      try {
        return readdirSync(join(volumes, 'data/reports'), { recursive: true }).map(String);
      } catch {
        return [];
      }
    };
    const isJudged = (): boolean => {
      if (/denied|not found/.test(containers.get('monitor')!.said())) throw new Error(fails('monitor'));
      return reports().some((name) => name.endsWith('.html'));
    };
    await until(isJudged, 'a verdict on today', 500);
    expect((await asked('catalogue', 'http://127.0.0.1:6570/')).text, fails('catalogue')).toContain(
      'quickstart',
    );
    const scraped = async (): Promise<boolean> =>
      (await asked('catalogue', 'http://prometheus:9090/api/v1/query?query=up')).text.includes('"1"');
    await until(scraped, fails('prometheus'), 1_000);
    const rules = await asked('catalogue', 'http://prometheus:9090/api/v1/rules');
    expect(rules.text).toContain('PlumblineSidecarDown');
    await until(() => containers.get('materializer')!.said().includes('driver'), fails('materializer'), 500);
  },
  LIMIT_MS,
);

test(
  'what ends once has, all else runs, and SIGTERM ends the sidecar in order',
  async () => {
    for (const [name, container] of containers) expect(container.isOver(), fails(name)).toBe(ONCE.has(name));
    const sidecar = containers.get('sidecar')!;
    sidecar.kill('SIGTERM');
    expect(await sidecar.ended, fails('sidecar')).toBe(0);
  },
  LIMIT_MS,
);
