/**
 * What it takes to run Apache Kafka here, in this order: a Java 17 or later with the broker's jars from Maven Central
 * (`maven-jars.ts`), or a container engine that answers, with Apache's own image.
 *
 * Java and Maven are installed where they are missing and that needs no question; where no way works the caller gets
 * one sentence that says what was tried.
 */
import { execFile } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { mavenJars } from './maven-jars.ts';
import { findContainerEngine, findOrInstall, findProgram } from '../processes/system-package.ts';

const run = promisify(execFile);

const KAFKA_VERSION = '4.1.0';

const JAVA = {
  'apt-get': 'default-jre-headless',
  dnf: 'java-21-openjdk-headless',
  apk: 'openjdk21-jre-headless',
  brew: 'openjdk',
};
const OLDEST_JAVA = 17;
const LIBRARIES = [
  { group: 'org.apache.kafka', artifact: 'kafka_2.13', version: KAFKA_VERSION },
  { group: 'org.slf4j', artifact: 'slf4j-simple', version: '1.7.36' },
];
const IMAGE = `docker.io/apache/kafka:${KAFKA_VERSION}`;
const IMAGE_JARS = '/opt/kafka/libs/*';

export type KafkaProgram =
  | { readonly kind: 'java'; readonly java: string; /** For `java -cp`. */ readonly classPath: string }
  | { readonly kind: 'container'; readonly engine: string };

let program: Promise<KafkaProgram> | null = null;

/** @throws Error with one sentence when this machine has no Kafka and no way to get one */
export function kafkaProgram(): Promise<KafkaProgram> {
  program ??= findKafka();
  return program;
}

/** As `kafkaProgram`, but looked for anew. */
export async function findKafka(): Promise<KafkaProgram> {
  const java = await findOrInstall('java', JAVA, findJava);
  const jars = typeof java === 'string' ? await mavenJars(`kafka-${KAFKA_VERSION}`, LIBRARIES) : java;
  if (typeof java === 'string' && typeof jars === 'string') {
    return { kind: 'java', java, classPath: join(jars, '*') };
  }
  const engine = await findContainerEngine();
  if (engine !== null) return { kind: 'container', engine };
  throw new Error(
    `These tests need a real Apache Kafka ${KAFKA_VERSION}, and there is none here: ` +
      `${(jars as { tried: readonly string[] }).tried.join('; ')}; no container engine answers. ` +
      `Install a Java runtime of version ${OLDEST_JAVA} or later and Maven, and let Maven reach Maven Central or a ` +
      'mirror of it; or start Docker or Podman.',
  );
}

/** @returns the path of a Java that is new enough, or null */
export async function findJava(): Promise<string | null> {
  const java = findProgram('java');
  if (java === null) return null;
  try {
    const { stderr } = await run(java, ['-version']);
    const version = Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0);
    return version >= OLDEST_JAVA ? java : null;
  } catch {
    return null;
  }
}

/**
 * The command line of a Java tool that has Kafka at hand.
 *
 * @param folders    what it reads and writes: a container sees nothing else, and these under the same paths
 * @param container  its name, should it run in one
 */
export function javaCommand(
  from: KafkaProgram,
  tool: 'java' | 'keytool',
  args: readonly string[],
  folders: readonly string[],
  container?: string,
): [command: string, ...args: string[]] {
  const inContainer = from.kind === 'container';
  const own = tool === 'java' ? ['-cp', inContainer ? IMAGE_JARS : from.classPath, ...args] : args;
  if (!inContainer) {
    return [tool === 'java' ? from.java : join(dirname(realpathSync(from.java)), tool), ...own];
  }
  // Files in the folders must be this user's afterwards; to Podman without root that user is root.
  const user =
    basename(from.engine) === 'podman' ? '0:0' : `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  return [
    from.engine,
    'run',
    '--rm',
    ...(container === undefined ? [] : ['--name', container]),
    '--network',
    'host',
    '--user',
    user,
    '--security-opt',
    'label=disable',
    ...folders.flatMap((folder) => ['--volume', `${folder}:${folder}`]),
    '--entrypoint',
    tool,
    IMAGE,
    ...own,
  ];
}
