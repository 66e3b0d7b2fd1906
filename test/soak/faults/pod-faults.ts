/** What befalls sidecars: a roll-out, a kill, another bundle, a verdict beside them, a clock that steps. */
import { dayOf } from '../../../contract/std/timestamp.ts';
import { until } from '../../support/until.ts';
import { writeDefinitions } from '../soak-project.ts';
import type { SoakedPod } from '../soaked-pod.ts';
import { sleepS } from './fault.ts';
import type { SoakFault } from './fault.ts';

const STEP_MS = 15_000;
/** A heartbeat tells of a step, and the next one of the step back. */
const HEARTBEAT_S = 10;

/** What left at level `queued`, before it was written, goes with a process that is killed: that is promised so. */
async function untilDiskIsQuick({ adminPort }: SoakedPod): Promise<void> {
  const isQuick = async (): Promise<boolean> => {
    const answer = await fetch(`http://127.0.0.1:${adminPort}/metrics`).catch(() => null);
    return /^plumbline_spool_slow_disk 0$/m.test((await answer?.text()) ?? '');
  };
  await until(isQuick, 'the disk of the spool is quick', 50);
}

export const POD_FAULTS: readonly SoakFault[] = [
  {
    name: 'a sidecar is rolled',
    kind: 'infrastructure',
    seconds: 1,
    shows({ answers }, { fromMs, toMs }) {
      const lost = answers.filter(({ status, endMs }) => status === 0 && endMs >= fromMs && endMs <= toMs);
      return lost.length === 0 ? 'no request was lost' : null;
    },
    async run({ rolled }, seconds) {
      await rolled.stop();
      await sleepS(seconds);
      await rolled.start();
      return { what: 'drained, ended, started again' };
    },
  },
  {
    name: 'a sidecar is killed',
    kind: 'infrastructure',
    seconds: 3,
    shows: ({ answers }, { fromMs, toMs }) =>
      `${answers.filter(({ status, endMs }) => status === 0 && endMs >= fromMs && endMs <= toMs).length} requests got no answer`,
    async run({ rolled }, seconds) {
      await untilDiskIsQuick(rolled);
      await rolled.kill();
      await sleepS(seconds);
      await rolled.start();
      return { what: 'SIGKILL; its spool is read on' };
    },
  },
  {
    name: 'another bundle is applied',
    kind: 'infrastructure',
    seconds: 3,
    async run(set, seconds) {
      const revision = set.nextRevision();
      writeDefinitions(set.folder, revision);
      await set.runs('apply');
      await sleepS(seconds);
      return { what: `revision ${revision}, taken by running sidecars` };
    },
  },
  {
    name: 'the day is judged meanwhile',
    kind: 'infrastructure',
    seconds: 1,
    async run(set) {
      const date = dayOf(Date.now() * 1_000);
      await set.judge(date);
      return { what: `${date}, up to the ingest's last commit` };
    },
  },
  {
    name: 'a clock steps',
    kind: 'data',
    seconds: 3 * HEARTBEAT_S,
    async run({ rolled }, seconds, random) {
      const aheadMs = random() < 0.5 ? STEP_MS : -STEP_MS;
      rolled.breaks({ clockAheadMs: aheadMs });
      await sleepS(seconds);
      rolled.mended();
      await sleepS(HEARTBEAT_S);
      return {
        what: `of ${rolled.name} by ${aheadMs / 1_000} s for ${seconds} s`,
        expects: {
          view: null,
          cause: 'clock skew',
          // Of the seconds between a step and the next heartbeat nothing tells: then causes are those of the times.
          beside: ['cache age', 'materialization lag', 'missing online', 'served ahead', 'not proved'],
          clockAheadMs: aheadMs,
        },
      };
    },
  },
];
