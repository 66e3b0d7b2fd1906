/** Two `plumb stream` processes on one topic: they share it, and one takes over from one that was killed. */
import { beforeAll, expect, test } from 'vitest';
import { groupedStreams } from '../../support/faults/grouped-streams.ts';
import { KAFKA_START_LIMIT_MS } from '../../support/kafka/kafka.ts';
import { runKafka } from '../../support/kafka/run-kafka.ts';
import type { RunKafka } from '../../support/kafka/run-kafka.ts';
import { until } from '../../support/until.ts';
import { seededRandom } from '../../support/seeded-random.ts';

let kafka: RunKafka;
beforeAll(async () => {
  kafka = await runKafka();
}, KAFKA_START_LIMIT_MS);

test('two share a topic, and one that was killed is taken over from', async () => {
  const random = seededRandom();
  const group = await groupedStreams(kafka.brokers, { topic: 'stream-group', partitions: 3, random });
  await group.send(200);
  const [a, b] = [group.start('a'), group.start('b')];
  await group.archived(1);
  await group.send(200);
  await group.archived(1);
  await until(
    async () => (await group.runs()).every(({ historyRows }) => historyRows > 0),
    'both have made rows',
  );
  await a.end('SIGKILL');
  await group.send(200);
  await group.archived(1);
  expect(await b.end()).toBe(0);
  await group.send(50);
  await group.verify();
}, 300_000);
