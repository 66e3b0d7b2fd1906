/** Stops the process of an online store for a while and resumes it, whatever happens to the run. */
import { loadError } from './errors.ts';

interface StoppedStore {
  /** Stops and resumes at these times from now. */
  plan(stopAfterMs: number, resumeAfterMs: number): void;
  /** Resumes it if it is stopped; plans nothing more. */
  release(): void;
}

/** @throws LOAD_USAGE when there is no such process of this user, or it is none that may be stopped */
export function storeOf(pid: number): StoppedStore {
  if (!Number.isSafeInteger(pid) || pid <= 1 || pid === process.pid || pid === process.ppid) {
    throw usage(`expected the process id of the store, got ${pid}`);
  }
  try {
    process.kill(pid, 0);
  } catch (error) {
    throw usage(`process ${pid} cannot be signalled: ${(error as Error).message}`);
  }
  const timers: NodeJS.Timeout[] = [];
  const resume = (): void => void trySignal(pid, 'SIGCONT');
  return {
    plan(stopAfterMs, resumeAfterMs) {
      // A load test that is interrupted must not leave a store behind that hangs.
      process.once('exit', resume);
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => process.exit(1));
      timers.push(setTimeout(() => trySignal(pid, 'SIGSTOP'), stopAfterMs));
      timers.push(setTimeout(resume, resumeAfterMs));
    },
    release() {
      for (const timer of timers) clearTimeout(timer);
      if (timers.length > 0) resume();
      process.removeListener('exit', resume);
    },
  };
}

function trySignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile; the report shows what that did.
  }
}

function usage(message: string): Error {
  return loadError('LOAD_USAGE', `--store-pid: ${message}`, { field: 'storePid' });
}
