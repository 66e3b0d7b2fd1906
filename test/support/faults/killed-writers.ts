/**
 * Writers of one spool that are killed in the middle of load, one after the other, and what is in the log afterwards.
 * Five rounds belong to every run of the tests, fifty to the long one.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { readServedLog } from '../../../contract/wire/log/served-log.ts';
import { verifyLog } from '../../../sidecar/vector-log/log-commands.ts';
import type { LogState } from '../../../sidecar/vector-log/log-commands.ts';

const WRITER = join(import.meta.dirname, '../processes/spool-writer.ts');

/** @returns the answers that a writer gave before it was killed, once it had given at least `least` */
function answersUntilKilled(
  folder: string,
  perTick: number,
  rowBytes: number,
  least: number,
): Promise<string[]> {
  const flags = ['--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...flags, WRITER, folder, String(perTick), String(rowBytes)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  let seen = 0;
  return new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      const part = chunk.toString();
      text += part;
      seen += part.split('\n').length - 1;
      if (seen >= least) child.kill('SIGKILL');
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (signal === 'SIGKILL')
        resolve(
          text
            .slice(0, text.lastIndexOf('\n') + 1)
            .trim()
            .split('\n'),
        );
      else reject(new Error(`the writer ended by itself with ${code}`));
    });
  });
}

interface KillRounds {
  /** Requests that were answered, and those of them that are not in the log as they were answered. */
  readonly answered: number;
  readonly lost: readonly string[];
  /** Records that are in the log more than once. */
  readonly twice: number;
  readonly state: LogState;
}

export async function killWriters(folder: string, rounds: number): Promise<KillRounds> {
  const answered = new Map<string, string>();
  for (let round = 0; round < rounds; round++) {
    const least = 200 + Math.floor(Math.random() * 5_000);
    const small = round % 2 === 0;
    const rowBytes = small ? 1_000 : 40_000;
    for (const line of await answersUntilKilled(
      folder,
      1 + (round % 8),
      rowBytes,
      small ? least : least / 20,
    )) {
      const [epoch, sequence, requestId] = line.split(' ');
      answered.set(`${epoch}:${sequence}`, requestId!);
    }
  }
  const logged = new Map<string, string>();
  let twice = 0;
  for (const item of readServedLog(folder)) {
    if (item.kind !== 'served') continue;
    const key = `${item.record.epoch}:${item.record.sequence}`;
    if (logged.has(key)) twice += 1;
    logged.set(key, item.record.requestId);
  }
  const lost = [...answered].filter(([key, requestId]) => logged.get(key) !== requestId).map(([key]) => key);
  return { answered: answered.size, lost, twice, state: verifyLog(folder) };
}
