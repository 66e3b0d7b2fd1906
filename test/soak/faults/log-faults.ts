/** What befalls the way of the vector log: Kafka hangs or dies, the spool's disk stands still or is full. */
import { grew, highest, refused } from '../seen.ts';
import { oneOf, sleepS } from './fault.ts';
import type { SoakFault } from './fault.ts';

const WAITS = 'plumbline_shipper_oldest_unshipped_seconds';
/** Without a fault a record waits for less. */
const USUAL_WAIT_S = 3;

const KAFKA_SHOWS: SoakFault['shows'] = (seen, happened) => {
  const waitedS = highest(seen, happened, WAITS);
  return waitedS > USUAL_WAIT_S ? `records waited for ${waitedS.toFixed(0)} s on disk` : null;
};

export const LOG_FAULTS: readonly SoakFault[] = [
  {
    name: 'Kafka hangs',
    kind: 'infrastructure',
    seconds: 12,
    shows: KAFKA_SHOWS,
    async run({ kafka }, seconds) {
      kafka.pause();
      await sleepS(seconds);
      kafka.resume();
      return { what: `for ${seconds} s` };
    },
  },
  {
    name: 'Kafka is killed',
    kind: 'infrastructure',
    seconds: 8,
    shows: KAFKA_SHOWS,
    async run({ kafka }, seconds) {
      await kafka.kill();
      await sleepS(seconds);
      await kafka.restart();
      return { what: 'and starts again on its own data' };
    },
  },
  {
    name: 'the disk of a spool stands still',
    kind: 'infrastructure',
    seconds: 6,
    shows(seen, happened) {
      const queued = grew(seen, happened, 'plumbline_log_level_records_total{level="queued"}');
      return queued > 0 ? `${queued} answers left while their records waited for it` : null;
    },
    async run({ pods }, seconds, random) {
      const pod = oneOf(pods, random);
      pod.breaks({ diskStalls: true });
      await sleepS(seconds);
      pod.mended();
      return { what: `of ${pod.name} for ${seconds} s` };
    },
  },
  {
    name: 'the disk of a spool is full',
    kind: 'infrastructure',
    seconds: 6,
    shows(seen, happened) {
      const count = refused(seen, happened, /^SRV_LOG/);
      return count > 0 ? `${count} requests refused, none answered unlogged` : null;
    },
    async run({ pods }, seconds, random) {
      const pod = oneOf(pods, random);
      pod.breaks({ diskIsFull: true });
      await sleepS(seconds);
      pod.mended();
      return { what: `of ${pod.name} for ${seconds} s, under onFull: reject` };
    },
  },
];
