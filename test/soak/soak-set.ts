/**
 * The whole set that is soaked, each a process of its own: a Redis Cluster, Kafka, two sidecars, a daemon that
 * materializes, and an ingest that follows the topic. `quiet` is the sidecar that no roll-out or kill ends: its memory
 * is the one that is judged. `rolled` is the other one, on node:http.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '../../contract/std/logger.ts';
import { RegistryDatabase } from '../../project/database/registry-database.ts';
import { openProject } from '../../project/project.ts';
import type { Project } from '../../project/project.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { startKafka } from '../support/kafka/kafka.ts';
import type { KafkaServer } from '../support/kafka/kafka.ts';
import { makeTopic } from '../support/kafka/kafka-topic.ts';
import { freePort } from '../support/redis/redis.ts';
import { startRedisCluster } from '../support/redis/redis-cluster.ts';
import type { RedisCluster } from '../support/redis/redis-cluster.ts';
import { until } from '../support/until.ts';
import { SERVICE, SoakEvents, VIEWS, layOut } from './soak-project.ts';
import { SoakedPod } from './soaked-pod.ts';
import { SoakedProcess } from './soaked-process.ts';

const TOPIC = 'plumbline.served';
const INGEST_AGAIN_MS = 2_000;
const RUN_LIMIT_MS = 600_000;
/** `plumb monitor run`: all is well, an alert, too few vectors. */
const VERDICT_CODES = [0, 1, 3];

export class SoakSet {
  readonly folder: string;
  readonly redis: RedisCluster;
  readonly kafka: KafkaServer;
  readonly project: Project;
  readonly quiet: SoakedPod;
  readonly rolled: SoakedPod;
  readonly daemon: SoakedProcess;
  readonly ingest: SoakedProcess;
  /** Programs that ended though nobody asked them to. */
  readonly surprises: string[] = [];
  #events: SoakEvents | null = null;
  #revision = 1;
  #isOver = false;

  private constructor(folder: string, redis: RedisCluster, kafka: KafkaServer, ports: readonly number[]) {
    this.folder = folder;
    this.redis = redis;
    this.kafka = kafka;
    this.project = openProject(folder, silentLogger, {});
    const onEnd = (who: string) => (how: string) => void this.surprises.push(`${who} ${how}`);
    const pod = (name: string, transport: 'auto' | 'node', at: number): SoakedPod =>
      new SoakedPod({
        name,
        folder,
        transport,
        port: ports[at]!,
        adminPort: ports[at + 1]!,
        onEnd: onEnd(name),
      });
    this.quiet = pod('quiet', 'auto', 0);
    this.rolled = pod('rolled', 'node', 2);
    this.daemon = this.#program('materialize', ['materialize', '--daemon'], onEnd('materialize'));
    this.ingest = this.#program('ingest', ['monitor', 'ingest', '--follow'], (how) => {
      onEnd('ingest')(how);
      // As Kubernetes would.
      setTimeout(() => void (this.#isOver || this.ingest.start()), INGEST_AGAIN_MS);
    });
  }

  /** @param random  draws the events */
  static async start(folder: string, random: () => number): Promise<SoakSet> {
    const [redis, kafka] = await Promise.all([
      startRedisCluster({ args: ['--maxmemory-policy', 'noeviction'] }),
      startKafka(),
    ]);
    layOut(folder, { online: redis.url, brokers: kafka.brokers });
    const ports: number[] = [];
    while (ports.length < 4) ports.push(await freePort());
    const set = new SoakSet(folder, redis, kafka, ports);
    try {
      await makeTopic(kafka.brokers, TOPIC);
      set.#events = await SoakEvents.start(folder, random);
      await set.#startPrograms();
      return set;
    } catch (error) {
      await set.stop();
      throw error;
    }
  }

  get pods(): readonly SoakedPod[] {
    return [this.quiet, this.rolled];
  }

  get events(): SoakEvents {
    return this.#events!;
  }

  async #startPrograms(): Promise<void> {
    await this.runs('apply');
    await this.daemon.start();
    await this.untilRunSince(0);
    await Promise.all([this.quiet.start(), this.rolled.start(), this.ingest.start()]);
  }

  #program(name: string, args: readonly string[], onEnd?: (how: string) => void): SoakedProcess {
    const log = join(this.folder, `${name}.log`);
    return new SoakedProcess({ name, args: ['-C', this.folder, ...args], log, ...(onEnd && { onEnd }) });
  }

  /**
   * Runs a command to its end.
   *
   * @param codes  exit codes that are in order
   * @throws Error with what it said, when it ends with another one
   */
  async runs(name: string, args: readonly string[] = [name], codes: readonly number[] = [0]): Promise<void> {
    const program = this.#program(name, args);
    const code = await program.run();
    if (code === null || !codes.includes(code))
      throw new Error(`plumb ${args.join(' ')} ended with ${code}:\n${program.said}`);
  }

  /** Judges a day of what was ingested so far. */
  async judge(date: string): Promise<void> {
    const state = join(this.project.settings.served, 'ingest.json');
    await until(() => existsSync(state), 'the ingest has committed', 500);
    await this.runs('verdict', ['monitor', 'run', '--date', date, '--service', SERVICE], VERDICT_CODES);
  }

  /** The complete runs so far, oldest first. */
  async completeRuns(): Promise<RunRecord[]> {
    const runs = await RegistryDatabase.using(this.project.settings.registry, (database) => database.runs());
    return runs.filter(({ state }) => state === 'complete');
  }

  /** Waits until each view has a complete run that began after a time, and reached a watermark. */
  async untilRunSince(startedMs: number, watermarkMs = 0): Promise<void> {
    const isThere = async (): Promise<boolean> => {
      const runs = await this.completeRuns();
      return VIEWS.every((view) =>
        runs.some(
          (run) =>
            run.view === view && run.startedUs >= startedMs * 1_000 && run.watermarkUs >= watermarkMs * 1_000,
        ),
      );
    };
    await until(isThere, 'the views are materialized', 500, RUN_LIMIT_MS);
  }

  /** All rows are computed and published anew, as an operator does after somebody wrote into the store. */
  async repair(): Promise<void> {
    await this.daemon.stop();
    await this.runs('repair', ['materialize', '--full']);
    await this.daemon.start();
  }

  /** The next revision of the definitions, whose features mean the same. */
  nextRevision(): number {
    return ++this.#revision;
  }

  /** What is left of it ends; again is no error. */
  async stop(): Promise<void> {
    this.#isOver = true;
    const programs = [this.daemon, this.ingest, ...this.pods.map(({ process }) => process)];
    await Promise.all(programs.map((program) => program.stop('SIGKILL')));
    await this.#events?.stop();
    await Promise.all([this.redis.stop(), this.kafka.stop()]);
  }
}
