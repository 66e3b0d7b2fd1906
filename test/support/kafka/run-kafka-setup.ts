/**
 * One Kafka for all test files of a run that leave their broker alone (`run-kafka.ts`): Vitest's main process, which
 * outlives the files, starts it when the first of them asks, and ends it with the run.
 *
 *   test file --connects--> socket --answers when the broker takes requests--> {"brokers": [...]} or {"error": "..."}
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import type { KafkaServer } from './kafka.ts';

export default function setup(project: TestProject): () => Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'plumb-run-'));
  let kafka: Promise<KafkaServer> | null = null;
  const server = createServer((client) => {
    // Loaded here: most runs need none of it.
    kafka ??= import('./kafka.ts').then(({ startKafka }) => startKafka());
    kafka.then(
      ({ brokers }) => client.end(JSON.stringify({ brokers })),
      (error: Error) => client.end(JSON.stringify({ error: error.message })),
    );
  });
  const socket = join(folder, 'kafka');
  server.listen(socket);
  project.provide('kafkaSocket', socket);
  return async () => {
    server.close();
    await kafka?.then(
      (running) => running.stop(),
      () => {},
    );
    rmSync(folder, { recursive: true, force: true });
  };
}
