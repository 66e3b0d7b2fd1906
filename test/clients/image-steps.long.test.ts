/**
 * The images' steps in empty folders, with this machine's Node: what they hold, how large that is, and that it serves.
 * No engine is needed, so that the base image, its user and the read-only root are not seen here.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { buildImages } from '../support/deploy/image-build.ts';
import type { BuiltImage } from '../support/deploy/image-build.ts';
import { run } from '../support/processes/plumb-process.ts';
import type { Finished } from '../support/processes/plumb-process.ts';
import { freePort } from '../support/redis/redis.ts';
import { scratchFolder } from '../support/scratch.ts';
import { until } from '../support/until.ts';

const MB = 1e6;

async function inImage({ entrypoint }: BuiltImage, args: readonly string[], cwd: string): Promise<Finished> {
  return run(process.execPath, [...entrypoint.slice(1), ...args], { cwd });
}

const megabytes = (path: string): number =>
  (Number(execFileSync('du', ['-sk', path], { encoding: 'utf8' }).split('\t')[0]) * 1_024) / MB;

let builds: Readonly<Record<'sidecar' | 'plumbline', BuiltImage>>;
const folder = mkdtempSync(join(tmpdir(), 'plumb-'));
beforeAll(async () => {
  const stages = await buildImages(folder);
  builds = { sidecar: stages.get('sidecar')!, plumbline: stages.get('plumbline')! };
});
afterAll(() => {
  execFileSync('chmod', ['-R', 'u+w', folder]);
  rmSync(folder, { recursive: true, force: true });
});

test('the image of all programs makes a project, and that of the sidecar serves it', async () => {
  const { sidecar, plumbline } = builds;
  const project = scratchFolder();
  expect(await inImage(plumbline, ['init', '.'], project)).toMatchObject({ code: 0 });
  for (const command of ['apply', 'materialize'])
    expect(await inImage(plumbline, [command], project)).toMatchObject({ code: 0 });

  // Nothing of the image is written to.
  execFileSync('chmod', ['-R', 'a-w', join(sidecar.root, 'plumbline')]);
  const [port, admin] = [await freePort(), await freePort()];
  const args = ['--port', String(port), '--admin-port', String(admin)];
  const served = spawn(process.execPath, [...sidecar.entrypoint.slice(1), ...sidecar.command, ...args], {
    cwd: project,
    env: { ...process.env, PLUMB_SERVE_TRANSPORT: 'uws', PLUMB_SERVE_DRAIN_MS: '0' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  served.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new Promise<number | null>((resolve) => served.once('close', resolve));
  onTestFinished(async () => {
    served.kill('SIGKILL');
    await ended;
  });
  const healthcheck = sidecar.healthcheck.map((word) => word.replace('6567', String(admin)));
  await until(
    async () => (await run(process.execPath, healthcheck.slice(1))).code === 0,
    'the health check holds',
  );
  const answered = await fetch(`http://127.0.0.1:${port}/feature-service/get-online-features`, {
    method: 'POST',
    body: JSON.stringify({ feature_service: 'rank_v1', entities: { driver_id: [1001] } }),
  });
  expect(answered.status, said).toBe(200);
  served.kill('SIGTERM');
  expect(await ended, said).toBe(0);
  expect(await inImage(sidecar, ['log', 'verify'], project)).toMatchObject({ code: 0 });
  const get = await inImage(sidecar, ['get', '--service', 'rank_v1', '--entity', 'driver_id=1001'], project);
  expect(get).toMatchObject({ code: 0 });

  expect(await inImage(sidecar, ['config', 'check'], project)).toMatchObject({ code: 0 });
  const doctor = await inImage(sidecar, ['doctor', '--json'], project);
  expect(doctor, doctor.stdout + doctor.stderr).toMatchObject({ code: 0 });
  const { findings } = JSON.parse(doctor.stdout) as { findings: { check: string; state: string }[] };
  expect(findings).toContainEqual(expect.objectContaining({ check: 'duckdb', state: 'off' }));
  expect(findings).toContainEqual(expect.objectContaining({ check: 'bundle', state: 'ok' }));
  const other = await inImage(sidecar, ['materialize'], project);
  expect(other.code).toBe(2);
  expect(other.stderr).toMatch(/this image has only what a sidecar needs/);
});

test('a sidecar brings one uWebSockets.js, no DuckDB, and less than 150 MB', () => {
  const { sidecar, plumbline } = builds;
  const modules = join(sidecar.root, 'plumbline/node_modules');
  for (const gone of ['@duckdb', 'esbuild', '@esbuild', 'vitest', 'typescript'])
    expect(existsSync(join(modules, gone)), gone).toBe(false);
  expect(readdirSync(join(modules, 'uWebSockets.js/dist/bin'))).toHaveLength(1);
  const sizes = { sidecar: megabytes(sidecar.root), plumbline: megabytes(plumbline.root) };
  process.stdout.write(`images beside Node's base, MB: ${JSON.stringify(sizes)}\n`);
  expect(sizes.sidecar).toBeLessThan(150);
  const sbom = JSON.parse(readFileSync(join(sidecar.root, 'plumbline/sbom.cdx.json'), 'utf8'));
  const names = sbom.components.map(({ name }: { name: string }) => name);
  expect(names).toContain('ioredis');
  expect(names.filter((name: string) => name.includes('duckdb'))).toEqual([]);
});
