/** Flink on the topic of the whole comparison, killed and started again, and `plumb stream --tiles` beside it. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { planTiles } from '../../../contract/aggregation/tile-plan.ts';
import { flinkRefusals, tileJobSql } from '../../../project/engine/flink/tile-job.ts';
import { newestCheckpoint, startFlink } from '../flink/flink.ts';
import { until } from '../until.ts';
import { markedIn, plumbIn, startIn } from './whole-project.ts';
import type { WholeProject } from './whole-project.ts';

export const TILE_TOPIC = 'tiles';
const CHECKPOINT_MS = 2_000;
const PROGRESS_LIMIT_MS = 2_400_000;

interface FlinkRun {
  readonly brokers: readonly string[];
  readonly messages: number;
  readonly horizonUs: number;
  readonly kills: number;
  readonly random: () => number;
}

export async function flinkWhole(project: WholeProject, run: FlinkRun): Promise<void> {
  const { folder, view, entity } = project;
  const { brokers, messages, horizonUs, kills, random } = run;
  const plan = planTiles(view, entity);
  if (flinkRefusals(plan).length > 0) throw new Error(flinkRefusals(plan).join(' '));
  const sql = tileJobSql(plan, { topic: TILE_TOPIC, brokers, horizonUs, checkpointMs: CHECKPOINT_MS });
  const job = join(folder, 'flink');
  mkdirSync(job, { recursive: true });
  let flink = await startFlink({ folder: job, sql });
  const take = () => startIn(folder, ['stream', '--tiles', TILE_TOPIC]);
  let taker: ReturnType<typeof take> | null = null;
  const isSo = (what: string, look: () => boolean | Promise<boolean>): Promise<void> =>
    until(
      () => {
        if (flink.said().startsWith('(ended)')) throw new Error(flink.said());
        // It begins once the first checkpoint has brought marks.
        if (taker?.isOver === true && !/says nothing yet/.test(taker.said())) throw new Error(taker.said());
        if (taker?.isOver === true) taker = take();
        return look();
      },
      what,
      500,
      PROGRESS_LIMIT_MS,
    );
  const checkpointed = async (): Promise<void> => {
    const before = newestCheckpoint(job);
    await isSo(
      'Flink has made a checkpoint',
      () => newestCheckpoint(job) !== before && newestCheckpoint(job) !== null,
    );
  };
  try {
    for (let i = 0; i < kills; i++) {
      await checkpointed();
      taker ??= take();
      if (i === 0) await checkpointed();
      // Between two checkpoints: what it has written since is given up with its transaction.
      await sleep(CHECKPOINT_MS * (0.5 + random()));
      await flink.kill();
      if (i === 0) await taker.end('SIGKILL').then(() => (taker = null));
      flink = await startFlink({ folder: job, sql });
    }
    taker ??= take();
    await isSo('the marks count all messages', () => markedIn(project) >= messages);
    // The marks may come a moment before the last tiles that they count.
    for (let i = 0; i < 2; i++) await checkpointed();
  } finally {
    await flink.kill();
    await taker?.end('SIGTERM');
  }
  for (let i = 0; i < 2; i++) await plumbIn(folder, ['stream', '--tiles', TILE_TOPIC, '--drain']);
}
