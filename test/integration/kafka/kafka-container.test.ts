/**
 * The way of the tests' Kafka where there is no Java: which way is taken, and the command lines that a container engine
 * is given. The engine here is a program that notes its arguments and then does on this machine what it was asked to do
 * in a container; so what is not tested is the image.
 */
import { chmodSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { findKafka, javaCommand, kafkaProgram } from '../../support/kafka/kafka-program.ts';
import { startKafka } from '../../support/kafka/kafka.ts';
import { makeTopic, topicSize } from '../../support/kafka/kafka-topic.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { findProgram } from '../../support/processes/system-package.ts';

const JARS = '/opt/kafka/libs/*';
const IMAGE = 'docker.io/apache/kafka:4.1.0';

afterEach(() => void vi.unstubAllEnvs());

/** @returns a folder for the path with an engine in it, and what reads the arguments that the engine got so far */
async function fakeEngine(name: 'docker' | 'podman'): Promise<{ folder: string; calls(): string[][] }> {
  const folder = scratchFolder();
  // What ends a forgotten broker runs these.
  for (const tool of ['cat', 'rm']) symlinkSync(findProgram(tool)!, join(folder, tool));
  const notes = join(folder, 'calls');
  const [java, , classPath] = javaCommand(await kafkaProgram(), 'java', [], []);
  writeFileSync(
    join(folder, name),
    `#!${process.execPath}
    const { appendFileSync, readFileSync, writeFileSync } = require('node:fs');
    const [command, ...args] = process.argv.slice(2);
    appendFileSync(${JSON.stringify(notes)}, JSON.stringify([command, ...args]) + '\\n');
    const pidFile = (container) => ${JSON.stringify(folder)} + '/' + container;
    if (command === 'run') {
      const given = args.slice(args.indexOf(${JSON.stringify(IMAGE)}) + 1);
      const own = given.map((arg) => (arg === ${JSON.stringify(JARS)} ? ${JSON.stringify(classPath)} : arg));
      const { spawn } = require('node:child_process');
      const child = spawn(${JSON.stringify(java)}, own, { stdio: 'inherit' });
      const named = args.indexOf('--name');
      if (named >= 0) writeFileSync(pidFile(args[named + 1]), String(child.pid));
      child.on('exit', (code) => process.exit(code ?? 137));
    }
    if (command === 'kill') process.kill(Number(readFileSync(pidFile(args[2]), 'utf8')), args[1]);
    `,
  );
  chmodSync(join(folder, name), 0o755);
  const calls = (): string[][] =>
    readFileSync(notes, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as string[]);
  return { folder, calls };
}

test('without Java the broker runs in a container, through a death and a restart, on its own data', async () => {
  const engine = await fakeEngine('docker');
  vi.stubEnv('PATH', engine.folder);
  const program = await findKafka();
  expect(program).toEqual({ kind: 'container', engine: join(engine.folder, 'docker') });
  const kafka = await startKafka({ program });
  await makeTopic(kafka.brokers, 'kept');
  await kafka.kill();
  await kafka.restart();
  expect(await topicSize(kafka.brokers, 'kept')).toBe(0);
  await kafka.stop();

  const [info, format, first, , , second, ...ends] = engine.calls();
  expect(info).toEqual(['info']);
  const user = `${process.getuid!()}:${process.getgid!()}`;
  const folder = format![format!.indexOf('--volume') + 1]!.split(':')[0]!;
  const contained = [
    ...`--network host --user ${user} --security-opt label=disable`.split(' '),
    ...`--volume ${folder}:${folder} --entrypoint java ${IMAGE} -cp ${JARS}`.split(' '),
  ];
  const config = join(folder, 'server.properties');
  expect(format!.slice(0, 2 + contained.length)).toEqual(['run', '--rm', ...contained]);
  expect(format!.join(' ')).toMatch(/ kafka\.tools\.StorageTool format -t \S+ -c \S+\/server\.properties$/);
  for (const [call, number] of [
    [first!, 1],
    [second!, 2],
  ] as const) {
    const named = ['run', '--rm', '--name', `plumb-kafka-${process.pid}-${number}`];
    expect(call.slice(0, named.length + contained.length)).toEqual([...named, ...contained]);
    expect(call.slice(-2)).toEqual(['kafka.Kafka', config]);
  }
  const name = `plumb-kafka-${process.pid}-2`;
  expect(ends).toEqual([
    ['kill', '--signal', 'SIGCONT', name],
    ['kill', '--signal', 'SIGKILL', name],
  ]);
});

test("what Podman's containers write is this user's, who is root to them", () => {
  const podman = { kind: 'container', engine: '/usr/bin/podman' } as const;
  expect(javaCommand(podman, 'keytool', ['-list'], ['/a', '/b'])).toEqual([
    ...'/usr/bin/podman run --rm --network host --user 0:0 --security-opt label=disable'.split(' '),
    ...`--volume /a:/a --volume /b:/b --entrypoint keytool ${IMAGE} -list`.split(' '),
  ]);
});

test('without Java and without an engine one sentence says what was tried and what to do', async () => {
  vi.stubEnv('PATH', scratchFolder());
  await expect(findKafka()).rejects.toThrow(
    /^These tests need a real Apache Kafka 4\.1\.0, and there is none here: java is not on the path; no container engine answers\. Install .*or start Docker or Podman\.$/,
  );
});
