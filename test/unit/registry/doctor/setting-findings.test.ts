/** `plumb config check`: mistakes, files that lack, secrets in the file, and settings that contradict each other. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configCheck } from '../../../../registry/doctor/config-check.ts';
import { commandContext } from '../../../support/processes/command-context.ts';
import { scratchFolder } from '../../../support/scratch.ts';

/** @returns `check: found`, those that are wrong, then notes; and the exit code */
async function found(
  yaml: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<[number, string[]]> {
  const folder = scratchFolder();
  writeFileSync(join(folder, 'plumbline.yaml'), yaml);
  const context = commandContext(folder, true);
  Object.assign(process.env, environment);
  try {
    const code = await configCheck(context);
    const { findings } = JSON.parse(context.said()) as {
      findings: { check: string; state: string; found: string }[];
    };
    return [code, findings.map((one) => `${one.state} ${one.check}: ${one.found}`)];
  } finally {
    // Other files share this process.
    for (const name of Object.keys(environment)) delete process.env[name];
  }
}

test('what is right is told in a line', async () => {
  expect(await found('project: shop\n')).toEqual([0, [expect.stringMatching(/^ok settings: 1 given/)]]);
});

test.each([
  ['serve: { prot: 1 }', /"prot", did you mean "port"/],
  ['serve: { port: many }', /serve\.port: /],
  ['registry: mysql://x', /registry: expected sqlite:FILE, postgres:/],
  ['log: { hmacKey: { id: k1, file: keys/none } }', /log\.hmacKey\.file: .*keys\/none is not there/],
  ['monitor: { ca: . }', /monitor\.ca: .* is no file/],
  ['log: { onFull: reject }', /log\.onFull: reject refuses every request/],
  ['log: { enabled: false, ingest: true }', /log\.enabled: false, though ingest/],
  ['log: { kafka: { brokers: [k1:9092], graceMs: 40000 } }', /log\.kafka\.graceMs: 40000 ms/],
  ['serve: { drainMs: 30000 }', /serve\.drainMs: 30000 ms/],
  ['log: { ringBytes: 64MiB, maxBytes: 32MiB }', /log\.ringBytes: more than the whole spool/],
  ['serve: { port: 7000, adminPort: 7000 }', /not three ports/],
  ['registry: postgres://db/plumb', /online: a file of this machine/],
  ['reports: out\nserved: out', /reports: the same folder as served/],
  ['s3: { accessKeyId: a }', /s3: expected secretAccessKeyFile too/],
])('%s', async (yaml, said) => {
  const [code, findings] = await found(`project: shop\n${yaml}\n`);
  expect(findings).toEqual([expect.stringMatching(said)]);
  expect(findings[0]).toMatch(/^wrong /);
  expect(code).toBe(1);
});

test('an unknown variable of the environment is named', async () => {
  const [code, findings] = await found('project: shop\n', { PLUMB_SERVE_PROT: '1' });
  expect([code, findings[0]]).toEqual([1, expect.stringContaining('PLUMB_SERVE_PROT')]);
});

test('secrets in the file are noted, never shown; elsewhere they are well', async () => {
  const yaml = `
project: shop
online: { url: "redis://shop:hunter2@r1:6379" }
registry: postgres://shop:hunter2@db/plumb
log: { kafka: { brokers: [k1:9092], sasl: { mechanism: plain, username: a, password: hunter2 } } }
monitor: { alerts: [{ kind: slack, url: "https://hooks.example.com/hunter2" }], reportsUrl: "https://r.example.com" }
`;
  const [code, findings] = await found(yaml);
  expect(code).toBe(0);
  const names = findings.map((line) => line.split(':')[0]);
  expect(names).toEqual([
    'note online.url',
    'note registry',
    'note log.kafka.sasl.password',
    'note monitor.alerts.0.url',
  ]);
  expect(JSON.stringify(findings)).not.toContain('hunter2');
  expect((await found('project: shop\n', { PLUMB_ONLINE: 'redis://:hunter2@r1:6379' }))[1]).toHaveLength(1);
});

test('a password in a URL is told, a user without one is none', async () => {
  const notes = async (registry: string): Promise<string[]> => {
    const [, findings] = await found(`project: shop\nregistry: ${registry}\nonline: redis://127.0.0.1\n`);
    return findings.filter((one) => one.includes('password'));
  };
  expect(await notes('postgres://nobody@host/x')).toEqual([]);
  for (const url of ['postgres://nobody:secret@host/x', 'postgres://nobody@host/x?password=secret'])
    expect(await notes(url)).toEqual([expect.stringMatching(/^note registry: a URL with a password stands/)]);
});
