/** A real Alertmanager on free ports of loopback. It ends with the test. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { findOrInstall, findProgram } from '../processes/system-package.ts';
import { freePort } from '../redis/redis.ts';
import { scratchFolder } from '../scratch.ts';
import { until } from '../until.ts';
import { answers } from './prometheus-server.ts';

const PACKAGES = {
  'apt-get': 'prometheus-alertmanager',
  dnf: 'alertmanager',
  apk: 'alertmanager',
  brew: 'prometheus-alertmanager',
};

/** Debian has its own name for the program. */
async function alertmanagerProgram(): Promise<string> {
  const names = ['prometheus-alertmanager', 'alertmanager'];
  const find = async (): Promise<string | null> => {
    return names.map(findProgram).find((path) => path !== null) ?? null;
  };
  const found = await findOrInstall('alertmanager', PACKAGES, find);
  if (typeof found !== 'string') throw new Error(`Alertmanager is needed: ${found.tried.join('; ')}`);
  return found;
}

/**
 * @param webhook  where it sends what it is told, at once
 * @returns        its URL once it is ready
 */
export async function startAlertmanager(webhook: string): Promise<string> {
  const program = await alertmanagerProgram();
  const configuration = {
    route: {
      receiver: 'test',
      group_by: ['...'],
      group_wait: '0s',
      group_interval: '1s',
      repeat_interval: '1h',
    },
    receivers: [{ name: 'test', webhook_configs: [{ url: webhook, send_resolved: true }] }],
  };
  const folder = scratchFolder({ 'alertmanager.yml': JSON.stringify(configuration) });
  const port = await freePort();
  const child = spawn(
    program,
    [
      `--config.file=${join(folder, 'alertmanager.yml')}`,
      `--storage.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--cluster.listen-address=',
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
  await until(() => answers(`${url}/-/ready`), 'Alertmanager is ready');
  return url;
}
