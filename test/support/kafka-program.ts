/**
 * What it takes to run Apache Kafka here: a Java 17 or later and the broker's jars, which Maven's own client brings
 * from Maven Central into `.cache/kafka-VERSION/` of the checkout, once a machine.
 *
 * Java and Maven are installed where they are missing and that needs no question; else the caller gets one sentence
 * that says what was tried.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findOrInstall, findProgram, takeLock } from './system-package.ts';

const run = promisify(execFile);

export const KAFKA_VERSION = '4.1.0';

const JAVA = {
  'apt-get': 'default-jre-headless',
  dnf: 'java-21-openjdk-headless',
  apk: 'openjdk21-jre-headless',
};
const MAVEN = { 'apt-get': 'maven', dnf: 'maven', apk: 'maven', brew: 'maven' };
const OLDEST_JAVA = 17;
const FETCH_LIMIT_MS = 300_000;
const CACHE = join(import.meta.dirname, '..', '..', '.cache', `kafka-${KAFKA_VERSION}`);

export interface KafkaProgram {
  readonly java: string;
  /** For `java -cp`. */
  readonly classPath: string;
}

let program: Promise<KafkaProgram> | null = null;

/** @throws Error with one sentence when this machine has no Kafka and no way to get one */
export function kafkaProgram(): Promise<KafkaProgram> {
  program ??= findKafka();
  return program;
}

async function findKafka(): Promise<KafkaProgram> {
  const java = await findOrInstall('java', { ...JAVA, brew: 'openjdk' }, findJava);
  if (typeof java !== 'string') throw missing(`Java ${OLDEST_JAVA} or later`, java.tried);
  const jars = join(CACHE, 'jars');
  if (!existsSync(jars)) await fetchJars(jars);
  return { java, classPath: join(jars, '*') };
}

async function findJava(): Promise<string | null> {
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

async function fetchJars(jars: string): Promise<void> {
  const mvn = await findOrInstall('mvn', MAVEN);
  if (typeof mvn !== 'string') throw missing('Maven, which brings its jars', mvn.tried);
  mkdirSync(CACHE, { recursive: true });
  const lock = await takeLock(join(CACHE, 'fetch.lock'), FETCH_LIMIT_MS);
  const aside = mkdtempSync(join(tmpdir(), 'plumb-kafka-jars-'));
  try {
    if (existsSync(jars)) return;
    writeFileSync(join(aside, 'pom.xml'), POM);
    const into = mkdtempSync(join(CACHE, 'arriving-'));
    const copy = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${into}`];
    await run(mvn, ['-q', '-B', '-f', join(aside, 'pom.xml'), ...copy], {
      timeout: FETCH_LIMIT_MS,
      maxBuffer: 64 << 20,
    });
    renameSync(into, jars);
  } catch (error) {
    const { stdout = '', message } = error as Error & { stdout?: string };
    throw missing('its jars', [`mvn failed (${(stdout.trim() || message).split('\n')[0]!.slice(0, 300)})`]);
  } finally {
    rmSync(aside, { recursive: true, force: true });
    lock.close();
  }
}

function missing(what: string, tried: readonly string[]): Error {
  return new Error(
    `These tests need a real Apache Kafka, and ${what} cannot be had here: ${tried.join('; ')}. ` +
      'Install a Java runtime of version 17 or later and Maven, and let Maven reach Maven Central or a mirror of it.',
  );
}

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>plumbline</groupId>
  <artifactId>kafka-for-tests</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
`;
