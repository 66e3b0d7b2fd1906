/**
 * `plumb log ship`: ships what is left of a spool whose sidecar is gone, e.g. before its volume is deleted.
 *
 * It takes the shipper's lock, not the writer's. While a sidecar ships, it holds that lock and the command fails; a
 * sidecar that starts while the command runs serves and logs, and ships once the command has ended. Only the writer
 * deletes segments: the next start of a sidecar removes what was shipped.
 */
import { existsSync } from 'node:fs';
import type { CommandContext, ExitCode } from '../../project/command.ts';
import { printResult } from '../../project/command.ts';
import { projectOf } from '../../project/project.ts';
import { registryError } from '../../contract/errors.ts';
import type { Project } from '../../project/project.ts';
import { parseDuration } from '../../contract/std/duration.ts';
import { logError } from '../spool/errors.ts';
import { lockForShipping } from '../spool/lock.ts';
import { openProducer } from './open-producer.ts';
import { Shipper } from './shipper.ts';

const WATCH_MS = 250;
const WAIT_MS = 60_000;

interface ShipResult {
  /** Frames: served requests, parts of large ones, heartbeats. */
  readonly shippedRecords: number;
  readonly shippedBytes: number;
  readonly rejectedRecords: number;
}

export async function logShip(context: CommandContext, options: { wait?: string }): Promise<ExitCode> {
  const waitUs = options.wait === undefined ? WAIT_MS * 1_000 : parseDuration(options.wait);
  if (waitUs === null) {
    const message = `--wait: expected a duration such as 90s or 5m, got ${options.wait}`;
    throw registryError('REG_USAGE', message, { field: 'wait' });
  }
  const result = await shipSpool(projectOf(context), waitUs / 1_000);
  await printResult(context, result, () => renderShip(result));
  return result.rejectedRecords > 0 ? 1 : 0;
}

/**
 * Ships until nothing is left.
 *
 * @param waitMs  for how long Kafka may take nothing before this gives up
 * @throws        LOG_NO_KAFKA, LOG_LOCKED while a sidecar ships, LOG_CURSOR, LOG_KAFKA when Kafka took nothing so long
 */
async function shipSpool({ settings, clock, logger }: Project, waitMs: number): Promise<ShipResult> {
  const { spool, kafka } = settings.log;
  if (kafka === null) throw logError('LOG_NO_KAFKA', 'log.kafka is not set', { field: 'log.kafka' });
  if (!existsSync(spool)) return { shippedRecords: 0, shippedBytes: 0, rejectedRecords: 0 };
  const lock = lockForShipping(spool);
  const producer = await openProducer(kafka);
  try {
    const shipper = new Shipper({ spool, topic: kafka.topic, producer, clock, logger });
    shipper.drain();
    const total = shipper.stats().lagBytes;
    let lagBytes = total;
    let movedMs = performance.now();
    const watch = setInterval(() => {
      const now = shipper.stats();
      if (now.lagBytes !== lagBytes) movedMs = performance.now();
      lagBytes = now.lagBytes;
      logger.progress('shipping', total - lagBytes, total);
      if (performance.now() - movedMs > waitMs) shipper.abort();
    }, WATCH_MS);
    await shipper.run();
    clearInterval(watch);
    const { shippedRecords, shippedBytes, rejectedRecords } = shipper.stats();
    if (!shipper.complete) {
      throw logError(
        'LOG_KAFKA',
        `Kafka took nothing for ${waitMs / 1_000} s; ${lagBytes} bytes are left in ${spool}`,
      );
    }
    return { shippedRecords, shippedBytes, rejectedRecords };
  } finally {
    await producer.close();
    lock.release();
  }
}

function renderShip({ shippedRecords, shippedBytes, rejectedRecords }: ShipResult): string {
  const lines = [`${shippedRecords} records, ${shippedBytes} bytes are in Kafka`];
  if (rejectedRecords > 0) lines.push(`${rejectedRecords} were refused and are kept in rejected/`);
  return lines.join('\n');
}
