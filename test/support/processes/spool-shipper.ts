/**
 * A shipper in a process of its own, to be killed: ships a spool to a topic until nothing is left. With a fourth
 * argument it dies of SIGKILL once Kafka has acknowledged so many batches, before the cursor says so.
 * Arguments: spool, broker, topic, batches.
 */
import { systemClock } from '../../../project/clock.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { openProducer } from '../../../sidecar/shipper/open-producer.ts';
import { Shipper } from '../../../sidecar/shipper/shipper.ts';
import { kafkaSettingsOf } from '../kafka/kafka-settings.ts';

const [spool, broker, topic, batches] = process.argv.slice(2) as [string, string, string, string?];
const real = await openProducer({ ...kafkaSettingsOf({ brokers: [broker] }), topic });
let left = Number(batches ?? Infinity);
const producer = {
  async send(batch: Parameters<typeof real.send>[0]) {
    const outcome = await real.send(batch);
    if (outcome.kind === 'sent' && --left === 0) process.kill(process.pid, 'SIGKILL');
    return outcome;
  },
  close: () => real.close(),
};
const shipper = new Shipper({ spool, topic, producer, clock: systemClock(), logger: silentLogger });
shipper.drain();
await shipper.run();
await producer.close();
