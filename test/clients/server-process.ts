/** A server of a test: a process of its own that never outlives the test's, however that ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const START_LIMIT_MS = 90_000;
const POLL_MS = 50;

export interface ServerProcess {
  /**
   * Waits until the server is ready.
   *
   * @param ready  is asked again and again, with all that the server has said, until it returns no null
   * @throws       Error with what the server said, when it ends or is not ready in time
   */
  until<T>(ready: (said: string) => Promise<T | null>): Promise<T>;
  /** Asks it to end and waits; again is no error. */
  stop(): Promise<void>;
}

export function startServer(
  name: string,
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): ServerProcess {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  // Its end of the pipe closes when this process is gone, even if it was killed.
  const script = 'cat >/dev/null; kill -TERM "$1"';
  const reaper = spawn('/bin/sh', ['-c', script, 'reaper', String(child.pid ?? 0)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  let said = '';
  let ended: string | null = null;
  const hear = (text: string): void => {
    said = (said + text).slice(-20_000);
  };
  child.stdout.setEncoding('utf8').on('data', hear);
  child.stderr.setEncoding('utf8').on('data', hear);
  child.once('error', (error) => (ended = `cannot be started (${error.message})`));
  child.once('exit', (code, signal) => {
    ended = `ended with ${signal ?? code}`;
    // Its process id may soon be another's.
    reaper.kill('SIGKILL');
  });
  return {
    async until(ready) {
      const limitMs = performance.now() + START_LIMIT_MS;
      while (performance.now() < limitMs) {
        if (ended !== null) break;
        const result = await ready(said);
        if (result !== null) return result;
        await sleep(POLL_MS);
      }
      throw new Error(`${name} ${ended ?? 'was not ready in time'}:\n${said}`);
    },
    async stop() {
      if (ended !== null) return;
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      await exit;
    },
  };
}
