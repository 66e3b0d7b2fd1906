/** A sidecar whose bundles come over HTTP: new ones under load, a share of the pods, a start while all is down. */
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { rmSync } from 'node:fs';
import { expect, onTestFinished, test, vi } from 'vitest';
import { bundleOfPod, publicKeyText, signedPointer } from '../../../contract/bundles/bundle-pointer.ts';
import type { BundlePointer } from '../../../contract/bundles/bundle-pointer.ts';
import { publishBundle, readPointer, writePointer } from '../../../contract/definitions/bundle-folder.ts';
import type { Bundle } from '../../../contract/model.ts';
import { addBundles } from '../../../catalogue/bundles.ts';
import { runServe } from '../../../sidecar/main.ts';
import type { RunningSidecar } from '../../../sidecar/main.ts';
import {
  NOON_US,
  PROFILE_VALUES,
  ServingFixture,
  bundleContent,
  manualClock,
  profile,
} from '../../support/fixtures/serving-fixture.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { until } from '../../support/until.ts';

const keys = generateKeyPairSync('ed25519');

/** Bundles that differ by a description. */
function content(n: number): Omit<Bundle, 'hash'> {
  const all = bundleContent();
  const services = [...all.services].map(
    ([name, one]) => [name, { ...one, description: `the ${n}th` }] as const,
  );
  return { ...all, services: new Map(services) };
}

class Catalogue {
  readonly folder = scratchFolder();
  readonly #server: Server = createServer(getRequestListener(this.#app().fetch) as never);
  #sequence = 0;

  #app(): Hono {
    const app = new Hono();
    addBundles(app, this.folder);
    return app;
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => this.close());
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/bundles`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  /** @param more  of the pointer */
  apply(n: number, more: Partial<BundlePointer> = {}): BundlePointer {
    publishBundle(this.folder, content(n));
    this.#sequence += 1;
    const pointer = { ...readPointer(this.folder)!, registry: 'r', sequence: this.#sequence, ...more };
    const signed = signedPointer(pointer, keys.privateKey);
    writePointer(this.folder, signed);
    return signed;
  }
}

function pod(from: string): ServingFixture {
  const fixture = new ServingFixture(manualClock(), {
    'bundles.from': from,
    'bundles.keys': publicKeyText(keys.publicKey),
    'bundles.every': '1s',
  });
  onTestFinished(() => fixture.close());
  rmSync(fixture.project().settings.bundles, { recursive: true });
  fixture.put(profile, 1n, PROFILE_VALUES);
  for (const id of ['profile', 'spend', 'product']) fixture.mark(id, NOON_US);
  return fixture;
}

async function serve(fixture: ServingFixture): Promise<RunningSidecar> {
  const served = await runServe(fixture.project());
  onTestFinished(() => served.stop());
  return served;
}

const BODY = '{"feature_service":"profile_only","entities":{"customer_id":[1]}}';

async function ask({ port }: RunningSidecar): Promise<string> {
  const url = `http://127.0.0.1:${port}/feature-service/get-online-features`;
  const response = await fetch(url, { method: 'POST', body: BODY });
  expect(response.status).toBe(200);
  const { metadata, results } = (await response.json()) as {
    metadata: { bundle: string };
    results: { features: { profile__visits: number } }[];
  };
  expect(results[0]!.features.profile__visits).toBe(7);
  return metadata.bundle;
}

test('new bundles under load lose no request; what nobody signed is refused; it starts while all is down', async () => {
  const catalogue = new Catalogue();
  const first = catalogue.apply(1);
  const fixture = pod(await catalogue.listen());
  const served = await serve(fixture);
  const over = new AbortController();
  const seen = new Set<string>();
  let answers = 0;
  const load = Promise.all(
    Array.from({ length: 8 }, async () => {
      while (!over.signal.aborted) {
        seen.add(await ask(served));
        answers += 1;
      }
    }),
  );
  const names = [first.name];
  for (const n of [2, 3, 4]) {
    const { name } = catalogue.apply(n);
    names.push(name);
    await until(() => seen.has(name), `bundle ${name} was not served`);
  }
  // Whoever can write where bundles come from, and has no key.
  catalogue.apply(5);
  writePointer(catalogue.folder, { ...readPointer(catalogue.folder)!, signature: null });
  await until(
    () => fixture.warnings.some((line) => line.endsWith('nobody has signed it')),
    'it is not refused',
  );
  const metrics = await (await fetch(`http://127.0.0.1:${served.adminPort}/metrics`)).text();
  expect(metrics).toMatch(/^plumbline_bundle_refused 1$/m);
  expect(metrics).toMatch(/^plumbline_bundle_origins_down 1$/m);
  over.abort();
  await load;
  expect([...seen].toSorted()).toEqual(names.toSorted());
  expect(answers).toBeGreaterThan(names.length);

  await served.stop();
  await catalogue.close();
  expect(await ask(await serve(fixture))).toBe(names.at(-1));
  expect(fixture.warnings.at(-1)).toMatch(/not to be had: connect ECONNREFUSED/);
});

test('a share of the pods serves what is staged, the others what is in force', async () => {
  const catalogue = new Catalogue();
  const main = catalogue.apply(1);
  const { hash, name } = catalogue.apply(2);
  const staged = { hash, name, share: 0.3, salt: 's' };
  const own = { hash: main.hash, name: main.name };
  const pointer = catalogue.apply(2, { ...own, staged });
  const ids = Array.from({ length: 1_000 }, (_, n) => `pod-${n}`);
  const taking = ids.filter((id) => bundleOfPod(pointer, id).name === name);
  expect(taking.length).toBeGreaterThan(250);
  expect(taking.length).toBeLessThan(350);
  const at = await catalogue.listen();
  const bundles = new Map<string, string>();
  for (const id of [taking[0]!, ids.find((one) => !taking.includes(one))!]) {
    vi.stubEnv('POD_UID', id);
    const served = await serve(pod(at));
    bundles.set(id, await ask(served));
    vi.unstubAllEnvs();
  }
  expect([...bundles.values()]).toEqual([name, main.name]);
});
