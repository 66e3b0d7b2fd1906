/**
 * A server of the S3 protocol for tests, gofakes3: built once from its Go module into `.cache/gofakes3-VERSION`, and
 * run on a free port of loopback with one bucket, `lake`, in memory.
 */
import { execFile, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findOrInstall, findProgram, takeLock } from '../processes/system-package.ts';
import { freePort } from '../redis/redis.ts';
import { until } from '../until.ts';

const run = promisify(execFile);
const VERSION = 'v1.2.0';
const FOLDER = join(import.meta.dirname, `../../../.cache/gofakes3-${VERSION}`);
const BUILD_LIMIT_MS = 300_000;
const GO = { 'apt-get': 'golang-go', dnf: 'golang', apk: 'go', brew: 'go' };

export interface FakeS3 {
  /** `http://127.0.0.1:PORT`. */
  readonly endpoint: string;
  /** What programs need to reach it. */
  readonly variables: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** @throws Error with one sentence when this machine has no Go and no way to get it, or the server does not build */
export async function startFakeS3(): Promise<FakeS3> {
  const program = await built();
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const server = spawn(
    program,
    ['-backend', 'memory', '-host', `127.0.0.1:${port}`, '-initialbucket', 'lake'],
    { stdio: 'ignore' },
  );
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  await until(async () => (await fetch(endpoint).catch(() => null)) !== null, 'the fake S3 answers');
  return {
    endpoint,
    variables: {
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'not-shown',
      AWS_REGION: 'us-east-1',
    },
    async close() {
      server.kill('SIGKILL');
      await ended;
    },
  };
}

async function built(): Promise<string> {
  const program = join(FOLDER, 'gofakes3');
  if (existsSync(program)) return program;
  const go = await findOrInstall('go', GO, async () => goProgram());
  if (typeof go !== 'string') throw new Error(`the fake S3 needs Go: ${go.tried.join('; ')}`);
  mkdirSync(FOLDER, { recursive: true });
  const lock = await takeLock(join(FOLDER, 'build.lock'), BUILD_LIMIT_MS);
  try {
    if (existsSync(program)) return program;
    const env = { ...process.env, GOBIN: FOLDER };
    await run(go, ['install', `github.com/johannesboyne/gofakes3/cmd/gofakes3@${VERSION}`], {
      env,
      timeout: BUILD_LIMIT_MS,
    });
    return program;
  } finally {
    lock.close();
  }
}

/** Go's own installer does not put it on the path; a distribution's may be too old for the module. */
function goProgram(): string | null {
  const usual = '/usr/local/go/bin/go';
  try {
    accessSync(usual, constants.X_OK);
    return usual;
  } catch {
    return findProgram('go');
  }
}
