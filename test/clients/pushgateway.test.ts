/** A real Pushgateway takes the verdicts' metrics, keeps them for a project of any name, and replaces them. */
import { spawn } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { afterRun } from '../../monitor/alerts/after-run.ts';
import { writeSnapshot } from '../../monitor/verdict/snapshot-folder.ts';
import { openProject } from '../../project/project.ts';
import { judgedDay } from '../support/fixtures/judged-days.ts';
import { findOrInstall, findProgram } from '../support/processes/system-package.ts';
import { answers } from '../support/prometheus/prometheus-server.ts';
import { freePort } from '../support/redis/redis.ts';
import { scratchFolder } from '../support/scratch.ts';
import { until } from '../support/until.ts';

const PACKAGES = { 'apt-get': 'prometheus-pushgateway', apk: 'prometheus-pushgateway' };

/** Debian has its own name for the program. */
async function startPushgateway(): Promise<string> {
  const names = ['prometheus-pushgateway', 'pushgateway'];
  const find = async (): Promise<string | null> => {
    return names.map(findProgram).find((path) => path !== null) ?? null;
  };
  const program = await findOrInstall('pushgateway', PACKAGES, find);
  if (typeof program !== 'string') throw new Error(`Pushgateway is needed: ${program.tried.join('; ')}`);
  const port = await freePort();
  const child = spawn(program, [`--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const url = `http://127.0.0.1:${port}`;
  await until(() => answers(`${url}/-/ready`), 'Pushgateway is ready');
  return url;
}

test.each(['retail', 'a project/with "everything" & ü'])('metrics of the project %s', async (name) => {
  const url = await startPushgateway();
  const folder = scratchFolder({
    'plumbline.yaml': JSON.stringify({ project: name, monitor: { pushUrl: `${url}/` } }),
  });
  const warnings: string[] = [];
  const logger = { info() {}, warn: (line: string) => void warnings.push(line), progress() {} };
  const project = openProject(folder, logger, {});
  const judge = async (date: string, service: string): Promise<string> => {
    const snapshot = judgedDay({ service, date, faults: [{ view: 'stores', atOnce: true }] });
    writeSnapshot(project.settings.reports, snapshot);
    await afterRun(project, [snapshot]);
    return (await fetch(`${url}/metrics`)).text();
  };
  await judge('2026-11-01', 'basket');
  const text = await judge('2026-11-02', 'churn');
  expect(warnings).toEqual([]);
  const label = `project="${name.replaceAll('"', '\\"')}"`;
  const runs = text
    .split('\n')
    .filter((line) => line.startsWith('plumbline_monitor_last_run_timestamp_seconds{'));
  expect(runs).toHaveLength(2);
  expect(runs.every((line) => line.includes(label))).toBe(true);
  const day = /plumbline_monitor_day_timestamp_seconds\{[^}]*service="churn"\} (\S+)/.exec(text);
  expect(Number(day![1])).toBe(Date.parse('2026-11-02') / 1_000);
});
