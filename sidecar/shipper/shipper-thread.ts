/**
 * The thread of the shipper: work for Kafka, and waiting for it, never touches the thread that answers requests.
 * Started by shipping.ts, with which it exchanges messages:
 *
 *   in    { graceMs }           ship what is left, but for no longer than this, then end
 *   out   { stats } once a second and at the end · { info } · { warn }
 */
import type { FileLock } from '../../contract/std/files/file-lock.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import type { KafkaSettings } from '../../project/settings/kafka-settings.ts';
import { openClock } from '../../project/open-clock.ts';
import type { ClockSettings } from '../../project/open-clock.ts';
import { CodedError } from '../../contract/std/coded-error.ts';
import { lockForShipping } from '../spool/lock.ts';
import { openProducer } from './open-producer.ts';
import { Shipper } from './shipper.ts';
import type { ShipperStats } from './shipper.ts';

const STATS_MS = 1_000;
const LOCK_MS = 1_000;

export interface ThreadInput {
  readonly spool: string;
  readonly kafka: KafkaSettings;
  readonly clock: ClockSettings;
}

export type ThreadMessage =
  { readonly stats: ShipperStats } | { readonly info: string } | { readonly warn: string };

const { spool, kafka, clock } = workerData as ThreadInput;
const port = parentPort!;
const post = (message: ThreadMessage): void => port.postMessage(message);
const logger = {
  info: (info: string): void => post({ info }),
  warn: (warn: string): void => post({ warn }),
  progress(): void {},
};

const stop = new AbortController();
let shipper: Shipper | null = null;

port.once('message', ({ graceMs }: { graceMs: number }) => {
  stop.abort();
  shipper?.drain();
  // Neither a send that hangs nor a Kafka that is down may keep the process longer.
  setTimeout(() => {
    shipper?.abort();
    finish();
  }, graceMs);
});

const lock = await lockWhenFree();
if (lock !== null) {
  const producer = await openProducer(kafka);
  shipper = new Shipper({
    spool,
    topic: kafka.topic,
    producer,
    logger,
    clock: openClock(clock),
  });
  setInterval(tell, STATS_MS).unref();
  if (stop.signal.aborted) shipper.drain();
  await shipper.run();
  await Promise.race([producer.close(), sleep(STATS_MS)]);
}
finish();

function tell(): void {
  if (shipper !== null) post({ stats: shipper.stats() });
}

function finish(): void {
  tell();
  lock?.release();
  process.exit(0);
}

/** While `plumb log ship` works on the folder, this sidecar serves and waits for the lock. */
async function lockWhenFree(): Promise<FileLock | null> {
  for (let told = false; !stop.signal.aborted; told = true) {
    try {
      return lockForShipping(spool);
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== 'LOG_LOCKED') throw error;
      if (!told) logger.warn(`${error.message}; this sidecar ships when it is done`);
      await sleep(LOCK_MS);
    }
  }
  return null;
}
