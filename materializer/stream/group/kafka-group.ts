/**
 * A process as a member of a group of Kafka, by the classic protocol, one request at a time:
 *
 *   FindCoordinator -> JoinGroup (waits for all) -> SyncGroup (the leader shares out) -> Heartbeat* -> JoinGroup ...
 *
 * The client's own membership (version 2.12) joins anew as soon as a heartbeat says that partitions are shared out: it
 * gives away those that this process still writes. Here that heartbeat only says that the share is over; JoinGroup is
 * sent once all is committed. The wire is the client's (docs/decisions/0024).
 *
 * How long a share is held is told in kafka-share.ts.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Consumer,
  decodeConsumerProtocolAssignment,
  decodeConsumerProtocolSubscription,
  encodeConsumerProtocolAssignment,
  encodeConsumerProtocolSubscription,
  findCoordinatorV4,
  findErrorBy,
  heartbeatV3,
  joinGroupV5,
  leaveGroupV3,
  offsetCommitV7,
  syncGroupV3,
} from '@platformatic/kafka';
import type { Connection } from '@platformatic/kafka';
import { kafkaConnection } from '../../../project/connections/kafka-connection.ts';
import type { KafkaAccess } from '../../../project/settings/kafka-settings.ts';
import type { Position } from '../source/stream-reader.ts';
import { KafkaShare } from './kafka-share.ts';
import { shareOut } from './shares.ts';
import type { Share, StreamGroup } from './stream-group.ts';

interface KafkaGroupOptions {
  readonly topic: string;
  /** How many the topic has. */
  readonly partitions: number;
  readonly kafka: KafkaAccess;
  readonly group: string;
  /** After which a member that says nothing is dead. */
  readonly sessionMs: number;
  readonly warn: (line: string) => void;
}

const CLIENT_ID = 'plumbline-stream';
/** So that no other program of the group's name shares partitions with this one. */
const PROTOCOL = 'plumbline';
/** How long the coordinator waits for members that have to commit first, at least. */
const REBALANCE_MS = 60_000;
const RETRY_MS = 500;
const GROUP = 0;

export class KafkaGroup implements StreamGroup {
  readonly #options: KafkaGroupOptions;
  readonly #client: Consumer;
  readonly #rebalanceMs: number;
  #memberId = '';
  #share: KafkaShare | null = null;
  #owned: readonly number[] = [];
  #coordinator: Connection | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isBeating = false;
  /** Of the one signal of all shares: a listener for each would pile up. */
  #stopped: Promise<null> | null = null;

  constructor(options: KafkaGroupOptions) {
    this.#options = options;
    this.#rebalanceMs = Math.max(REBALANCE_MS, options.sessionMs);
    const connection = kafkaConnection(options.kafka);
    // JoinGroup is answered once all members are there.
    const requestTimeout = this.#rebalanceMs + options.sessionMs;
    this.#client = new Consumer({
      ...connection,
      requestTimeout,
      clientId: CLIENT_ID,
      groupId: options.group,
    });
  }

  async join(signal: AbortSignal): Promise<Share | null> {
    this.#endShare();
    const stopped = (this.#stopped ??= aborted(signal));
    while (!signal.aborted) {
      try {
        const joining = this.#joined(signal);
        joining.catch(() => {});
        // The coordinator may keep it waiting for others.
        const share = await Promise.race([joining, stopped]);
        if (signal.aborted) break;
        if (share !== null) return share;
      } catch (error) {
        if (signal.aborted) break;
        this.#forgetCoordinator();
        const reason = innermost(error as Error).message;
        this.#options.warn(`the group ${this.#options.group} cannot be joined: ${reason}; it is tried again`);
        await sleep(RETRY_MS);
      }
    }
    // The broker answers one request of a connection after the other: what comes now must not wait for that one.
    this.#forgetCoordinator();
    return null;
  }

  /** @returns null where others came or went meanwhile: to be tried again at once */
  async #joined(signal: AbortSignal): Promise<KafkaShare | null> {
    const { group, sessionMs } = this.#options;
    const connection = await this.#connection();
    try {
      const protocols = [{ name: PROTOCOL, metadata: this.#subscription() }];
      const joined = await joinGroupV5.api.async(
        connection,
        group,
        sessionMs,
        this.#rebalanceMs,
        this.#memberId,
        null,
        'consumer',
        protocols,
      );
      const { memberId, generationId, leader, members } = joined;
      this.#memberId = memberId;
      const shares = leader === memberId ? this.#shareOut(members) : [];
      const askedMs = performance.now();
      const synced = await syncGroupV3.api.async(
        connection,
        group,
        generationId,
        memberId,
        null,
        null,
        null,
        shares,
      );
      const { assignedPartitions } = decodeConsumerProtocolAssignment(synced.assignment);
      const partitions = assignedPartitions.flatMap((of) => of.partitions).toSorted((a, b) => a - b);
      this.#owned = partitions;
      const lengths = { sessionMs, rebalanceMs: this.#rebalanceMs };
      const share = new KafkaShare({
        ...lengths,
        partitions,
        generation: generationId,
        group,
        signal,
        askedMs,
      });
      this.#share = share;
      this.#timer = setInterval(() => void this.#beat(share), sessionMs / 10).unref();
      return share;
    } catch (error) {
      if (is(error, 'MEMBER_ID_REQUIRED')) this.#memberId = memberIdOf(error);
      else if (is(error, 'UNKNOWN_MEMBER_ID')) this.#memberId = '';
      else if (!is(error, 'REBALANCE_IN_PROGRESS') && !is(error, 'ILLEGAL_GENERATION')) throw error;
      return null;
    }
  }

  #subscription(): Buffer {
    const { topic } = this.#options;
    return encodeConsumerProtocolSubscription({
      version: 1,
      topics: [topic],
      userData: Buffer.alloc(0),
      ownedPartitions: [{ topic, partitions: [...this.#owned] }],
    });
  }

  #shareOut(members: readonly { readonly memberId: string; readonly metadata: Buffer }[]) {
    const { topic, partitions } = this.#options;
    const known = members.map(({ memberId: id, metadata }) => {
      const { ownedPartitions = [] } = decodeConsumerProtocolSubscription(metadata);
      return { id, owned: ownedPartitions.flatMap((of) => of.partitions) };
    });
    return [...shareOut(known, partitions)].map(([memberId, own]) => {
      const assignedPartitions = [{ topic, partitions: own }];
      return { memberId, assignment: encodeConsumerProtocolAssignment({ version: 1, assignedPartitions }) };
    });
  }

  /** One heartbeat; the next one makes up for one that fails. */
  async #beat(share: KafkaShare): Promise<void> {
    if (this.#isBeating || share.isLost) return;
    this.#isBeating = true;
    const sentMs = performance.now();
    try {
      const connection = await this.#connection();
      await withLimit(
        heartbeatV3.api.async(connection, this.#options.group, share.generation, this.#memberId, null),
        this.#options.sessionMs / 3,
      );
      share.answered(sentMs, 'held');
    } catch (error) {
      if (is(error, 'REBALANCE_IN_PROGRESS')) share.answered(sentMs, 'over');
      else if (LOST.some((id) => is(error, id))) share.answered(sentMs, 'lost');
      else this.#forgetCoordinator();
    } finally {
      this.#isBeating = false;
    }
  }

  async #connection(): Promise<Connection> {
    if (this.#coordinator?.isConnected() === true) return this.#coordinator;
    const { group, topic } = this.#options;
    const { brokers } = await this.#client.metadata({ topics: [topic], forceUpdate: true });
    const some = await this.#client.connections.getFirstAvailable([...brokers.values()]);
    const { coordinators } = await findCoordinatorV4.api.async(some, GROUP, [group]);
    this.#coordinator = await this.#client.connections.get(coordinators[0]!);
    return this.#coordinator;
  }

  #forgetCoordinator(): void {
    const connection = this.#coordinator;
    this.#coordinator = null;
    // A connection that says nothing would be given out again.
    void Promise.resolve(connection?.close()).catch(() => {});
  }

  async tell(positions: ReadonlyMap<number, Position>): Promise<void> {
    const { group, topic: name, warn } = this.#options;
    const share = this.#share;
    if (share === null || positions.size === 0) return;
    const partitions = [...positions].map(([partitionIndex, { offset }]) => {
      return {
        partitionIndex,
        committedOffset: BigInt(offset),
        committedLeaderEpoch: -1,
        committedMetadata: null,
      };
    });
    try {
      const connection = await this.#connection();
      const topics = [{ name, partitions }];
      await offsetCommitV7.api.async(connection, group, share.generation, this.#memberId, null, topics);
    } catch (error) {
      // While partitions are shared out nobody may; the next holder tells.
      if (!share.isOver)
        warn(`the offsets of the group ${group} could not be set: ${innermost(error as Error).message}`);
    }
  }

  #endShare(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    if (this.#share?.isLost === true) {
      this.#memberId = '';
      this.#owned = [];
    }
    this.#share = null;
  }

  /** Others need not wait for the session's end then. */
  async leave(): Promise<void> {
    this.#endShare();
    try {
      if (this.#memberId !== '') {
        const connection = await this.#connection();
        const left = leaveGroupV3.api.async(connection, this.#options.group, [{ memberId: this.#memberId }]);
        await withLimit(left, this.#options.sessionMs / 3);
      }
    } catch {
      // The session ends by itself.
    }
    await this.#client.close(true).catch(() => {});
  }
}

/** What a member is told that the group goes on without. */
const LOST = ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID'] as const;

function is(error: unknown, id: string): boolean {
  return findErrorBy(error as Error, 'apiId', id) !== null;
}

/** @returns the id under which the coordinator wants the member to join */
function memberIdOf(error: unknown): string {
  return (
    (findErrorBy(error as Error, 'apiId', 'MEMBER_ID_REQUIRED') as { memberId?: string } | null)?.memberId ??
    ''
  );
}

function innermost(error: Error): Error {
  const inner = error.cause ?? (error as Partial<AggregateError>).errors?.[0];
  return inner instanceof Error ? innermost(inner) : error;
}

function aborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(null), { once: true }));
}

async function withLimit<T>(work: Promise<T>, limitMs: number): Promise<T> {
  const late = new AbortController();
  try {
    const limit = sleep(limitMs, null, { signal: late.signal, ref: false }).then(() => {
      throw new Error(`no answer within ${Math.round(limitMs)} ms`);
    });
    limit.catch(() => {});
    return await Promise.race([work, limit]);
  } finally {
    late.abort();
  }
}
