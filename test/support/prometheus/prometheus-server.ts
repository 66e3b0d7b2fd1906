/** A real Prometheus on a free port of loopback, with a configuration of the test's own. It ends with the test. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { findOrInstall } from '../processes/system-package.ts';
import { freePort } from '../redis/redis.ts';
import { scratchFolder } from '../scratch.ts';
import { until } from '../until.ts';

const PACKAGES = { 'apt-get': 'prometheus', dnf: 'prometheus', apk: 'prometheus', brew: 'prometheus' };

/** @returns the program's path; a name on the path, else its package is installed */
export async function prometheusProgram(name: 'prometheus' | 'promtool'): Promise<string> {
  const found = await findOrInstall(name, PACKAGES);
  if (typeof found !== 'string') throw new Error(`${name} is needed: ${found.tried.join('; ')}`);
  return found;
}

/** @returns its URL once it is ready */
export async function startPrometheus(configuration: object): Promise<string> {
  const program = await prometheusProgram('prometheus');
  const folder = scratchFolder({ 'prometheus.yml': JSON.stringify(configuration) });
  const port = await freePort();
  const child = spawn(
    program,
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: 'ignore' },
  );
  const ended = new Promise((resolve) => child.once('close', resolve));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const url = `http://127.0.0.1:${port}`;
  await until(() => answers(`${url}/-/ready`), 'Prometheus is ready');
  return url;
}

/** @returns whether a URL answers 200 */
export async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
