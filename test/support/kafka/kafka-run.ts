/**
 * Runs a command beside a Kafka of its own and ends both: `node test/support/kafka/kafka-run.ts COMMAND ARGS...`. The
 * command finds the broker in the environment variable KAFKA_BROKERS.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startKafka } from './kafka.ts';

const [command, ...args] = process.argv.slice(2);
if (command === undefined) {
  process.stderr.write(
    'expected a command, such as: node test/support/kafka/kafka-run.ts node benchmarks/micro/kafka-bench.ts\n',
  );
  process.exit(2);
}
const kafka = await startKafka();
const environment = { ...process.env, KAFKA_BROKERS: kafka.brokers.join(',') };
const child = spawn(command, args, { stdio: 'inherit', env: environment });
const [code] = (await once(child, 'exit')) as [number | null];
await kafka.stop();
process.exitCode = code ?? 4;
