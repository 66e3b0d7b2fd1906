/**
 * Two `plumb stream` processes on the topic of the whole comparison, each with states of its own, under its faults:
 * killed ten times, shared out anew twice as a third comes and one goes, and one that is frozen for a minute and wakes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { until } from '../until.ts';
import { archivedIn, plumbIn, startIn } from './whole-project.ts';
import type { PlumbProcess, WholeProject } from './whole-project.ts';

const FROZEN_MS = 60_000;
const FAULTS = [
  'kill',
  'kill',
  'share',
  'kill',
  'kill',
  'freeze',
  'kill',
  'kill',
  'share',
  'kill',
  'kill',
  'kill',
  'kill',
];
const PROGRESS_LIMIT_MS = 1_200_000;
/** What an end by a fault of another may say: it is started again, as a supervisor does. */
const HELD_UP = /locked|MAT_LEASE|may have another holder|has lost it|taken over/;

interface StreamRun {
  /** Of the topic. */
  readonly messages: number;
  readonly random: () => number;
}

/** @returns how often one of them ended by itself and was started again */
export async function streamWhole(
  { folder }: WholeProject,
  { messages, random }: StreamRun,
): Promise<number> {
  const states = ['a', 'b', 'c', 'd'];
  let [started, restarted] = [0, 0];
  const start = (): PlumbProcess => {
    const state = join(folder, `state-${states[started++ % states.length]!}`);
    return startIn(folder, ['--set', `stream.state=${state}`, 'stream']);
  };
  const streams = [start(), start()];
  const revive = (): void => {
    for (const [i, stream] of streams.entries()) {
      if (!stream.isOver) continue;
      if (!HELD_UP.test(stream.said())) throw new Error(`a stream has ended: ${stream.said()}`);
      streams[i] = start();
      restarted += 1;
    }
  };
  const archived = (share: number): Promise<void> =>
    until(
      async () => {
        revive();
        return (await archivedIn(folder)) >= share * messages;
      },
      `${share} of the messages are archived`,
      500,
      PROGRESS_LIMIT_MS,
    );
  try {
    for (const [i, fault] of FAULTS.entries()) {
      await archived((0.95 * (i + 1)) / (FAULTS.length + 1));
      await sleep(random() * 2_000);
      const at = Math.floor(random() * streams.length);
      const victim = streams[at]!;
      if (fault === 'kill') {
        await victim.end('SIGKILL');
        streams[at] = start();
      } else if (fault === 'share') {
        streams.push(start());
        await sleep(5_000);
        await victim.end('SIGTERM');
        streams.splice(at, 1);
      } else {
        victim.signal('SIGSTOP');
        await sleep(FROZEN_MS);
        victim.signal('SIGCONT');
      }
    }
    await archived(1);
    for (const stream of streams) await stream.end('SIGTERM');
  } finally {
    for (const stream of streams) if (!stream.isOver) await stream.end('SIGKILL');
  }
  await plumbIn(folder, ['--set', `stream.state=${join(folder, 'state-last')}`, 'stream', '--drain']);
  return restarted;
}
