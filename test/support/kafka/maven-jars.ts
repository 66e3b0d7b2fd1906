/**
 * Java libraries for tests: Maven's own client brings them from Maven Central into `.cache/NAME/jars` of the checkout,
 * once a machine. Maven is installed where it is missing and that needs no question.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findOrInstall, takeLock } from '../processes/system-package.ts';

const run = promisify(execFile);

const MAVEN = { 'apt-get': 'maven', dnf: 'maven', apk: 'maven', brew: 'maven' };
const FETCH_LIMIT_MS = 300_000;
const CACHES = join(import.meta.dirname, '../../../.cache');

interface MavenLibrary {
  readonly group: string;
  readonly artifact: string;
  readonly version: string;
  /** Without the libraries that it depends on. */
  readonly alone?: boolean;
}

/**
 * @param name  of the folder in `.cache`; to be changed with the versions
 * @returns     the folder that holds the jars, or why they cannot be had: one entry for each thing tried
 */
export async function mavenJars(
  name: string,
  libraries: readonly MavenLibrary[],
): Promise<string | { readonly tried: readonly string[] }> {
  const cache = join(CACHES, name);
  const jars = join(cache, 'jars');
  if (existsSync(jars)) return jars;
  const mvn = await findOrInstall('mvn', MAVEN);
  if (typeof mvn !== 'string') return mvn;
  mkdirSync(cache, { recursive: true });
  const lock = await takeLock(join(cache, 'fetch.lock'), FETCH_LIMIT_MS);
  const aside = mkdtempSync(join(tmpdir(), 'plumb-jars-'));
  try {
    if (existsSync(jars)) return jars;
    writeFileSync(join(aside, 'pom.xml'), pomOf(libraries));
    const into = mkdtempSync(join(cache, 'arriving-'));
    const copy = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${into}`];
    await run(mvn, ['-q', '-B', '-f', join(aside, 'pom.xml'), ...copy], {
      timeout: FETCH_LIMIT_MS,
      maxBuffer: 64 << 20,
    });
    renameSync(into, jars);
    return jars;
  } catch (error) {
    const { stdout = '', message } = error as Error & { stdout?: string };
    return { tried: [`mvn failed (${(stdout.trim() || message).split('\n')[0]!.slice(0, 300)})`] };
  } finally {
    rmSync(aside, { recursive: true, force: true });
    lock.close();
  }
}

const NOTHING_ELSE =
  '<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>';

function pomOf(libraries: readonly MavenLibrary[]): string {
  const dependencies = libraries.map(
    ({ group, artifact, version, alone = false }) =>
      `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId>` +
      `<version>${version}</version>${alone ? NOTHING_ELSE : ''}</dependency>`,
  );
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>plumbline</groupId>
  <artifactId>jars-for-tests</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>${dependencies.join('')}</dependencies>
</project>
`;
}
