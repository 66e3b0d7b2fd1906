/**
 * Several `plumb stream` processes on one topic, each with a folder of states of its own, as on machines of their own.
 * What they have made is held against a look at all messages: every message is in the archive once, and the newest
 * row of each entity and edge, carried forward, is what a naive computation of all events gives.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { loadCurrentBundle } from '../../../contract/definitions/bundle-folder.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import { readTable } from '../../../project/delta/delta-log.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../../project/engine/duckdb/file-sql.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { completeHistory } from '../../../project/history/history-place.ts';
import { entityId, naiveRow } from '../../oracle/naive-aggregates.ts';
import type { RawEvent } from '../../oracle/naive-aggregates.ts';
import { answerAt, readHistory } from '../fixtures/raw-events.ts';
import { makeTopic, readTopic, sendMessages, topicSize } from '../kafka/kafka-topic.ts';
import { localFolder } from '../../../project/storage/local-folder.ts';
import { plumb, PLUMB, QUIET_NODE } from '../processes/plumb-process.ts';
import { scratchFolder } from '../scratch.ts';
import { until } from '../until.ts';

const definitions = (topic: string): string => `
import { agg, entity, featureView, source, t } from 'plumbline';

export const user = entity('user', { joinKeys: { user_id: t.string() } });
export const clicks = source.stream('clicks', {
  topic: '${topic}', format: 'json', eventTime: 'at', id: 'id', keyedBy: 'user_id', archive: 'data/clicks',
  fields: {
    user_id: t.string(), page: t.string(), price: t.float64(), at: t.timestamp({ unit: 'ms' }), id: t.string(),
  },
});
export const userClicks = featureView('user_clicks', {
  entity: user, source: clicks, owner: 'web', hop: '1s', lateness: '1d',
  features: {
    clicks_10s: agg.count().over('10s'),
    spent_1m: agg.sum('price').over('1m'),
    highest_10s: agg.max('price').over('10s'),
    pages: agg.countDistinct('page').lifetime(),
    last_page: agg.last('page').over('1m'),
  },
});
`;

const HOP_US = 1_000_000;
const USERS = 12;

interface SentClick {
  readonly user_id: string;
  readonly at: number;
  readonly page: string;
  readonly price: number;
  readonly id: string;
}

interface StreamProcess {
  readonly child: ChildProcess;
  /** What it has said on stderr. */
  said(): string;
  /** Resolves with its exit code when it has ended by itself. */
  readonly ended: Promise<number | null>;
  /** Resolves when it has ended, by SIGTERM unless given. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
}

interface GroupedStreams {
  readonly folder: string;
  readonly topic: string;
  /** @param state  the name of its folder of states */
  start(state: string): StreamProcess;
  /** Sends clicks of the last minute or so, some of them twice. */
  send(count: number): Promise<void>;
  /** Resolves when so many of all messages are archived. */
  archived(share: number): Promise<void>;
  /** @returns the runs of the view, in the order in which they began */
  runs(): Promise<RunRecord[]>;
  /** Drains with a new state, then compares. */
  verify(): Promise<void>;
}

export async function groupedStreams(
  brokers: readonly string[],
  { topic, partitions, random }: { topic: string; partitions: number; random: () => number },
): Promise<GroupedStreams> {
  const config = { 'message.timestamp.type': 'LogAppendTime' };
  await makeTopic(brokers, topic, { partitions, config });
  const folder = scratchFolder({
    'plumbline.yaml': `project: shop\nstream: { kafka: { brokers: ['${brokers[0]}'] }, flush: 1s, lease: 6s }\n`,
    'definitions/shop.ts': definitions(topic),
  });
  const applied = await plumb(['-C', folder, 'apply']);
  expect(applied).toMatchObject({ code: 0 });
  const sent: SentClick[] = [];
  const bundle = loadCurrentBundle(join(folder, '.plumb/bundles'));
  const view = bundle.views.get('user_clicks')!;
  const entity = bundle.entities.get('user')!;
  const ended = new Set<StreamProcess>();

  const send = async (count: number): Promise<void> => {
    const more = Array.from({ length: count }, (_, i): SentClick => {
      const at = Date.now() - Math.floor(random() ** 3 * 90_000);
      const price = Math.floor(random() * 400) / 8;
      const [user_id, page] = [`u${Math.floor(random() * USERS)}`, `p${Math.floor(random() * 4)}`];
      return { user_id, at, page, price, id: String(sent.length + i) };
    });
    sent.push(...more);
    const twice = more.filter(() => random() < 0.1);
    const messages = [...more, ...twice].map((click) => ({
      key: click.user_id,
      value: JSON.stringify(click),
    }));
    await sendMessages(brokers, topic, messages);
  };

  const archivedOffsets = async (): Promise<number> => {
    const { txns } = (await readTable(localFolder(join(folder, 'data/clicks')))) ?? {
      txns: new Map<string, number>(),
    };
    return [...txns.values()].reduce((sum, offset) => sum + offset, 0);
  };

  return {
    folder,
    topic,
    start(state) {
      const settings = ['--set', `stream.state=${join(folder, state)}`];
      const args = [QUIET_NODE, PLUMB, '-C', folder, ...settings, 'stream'];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
      let text = '';
      child.stderr.setEncoding('utf8').on('data', (part: string) => (text += part));
      const exit = once(child, 'close');
      const one: StreamProcess = {
        child,
        said: () => text,
        ended: exit.then(() => child.exitCode),
        async end(signal = 'SIGTERM') {
          child.kill('SIGCONT');
          child.kill(signal);
          await exit;
          ended.add(one);
          return child.exitCode;
        },
      };
      onTestFinished(async () => {
        if (!ended.has(one)) await one.end('SIGKILL');
      });
      return one;
    },
    send,
    async archived(share) {
      const all = await topicSize(brokers, topic);
      await until(
        async () => (await archivedOffsets()) >= share * all,
        `${share} of ${all} messages are archived`,
      );
    },
    async runs() {
      const url = { kind: 'sqlite', url: join(folder, '.plumb/registry.db') } as const;
      return RegistryDatabase.using(url, (database) => database.runs({ view: view.id }));
    },
    async verify() {
      const drained = await plumb([
        '-C',
        folder,
        '--json',
        '--set',
        `stream.state=${join(folder, 'fresh')}`,
        'stream',
        '--drain',
      ]);
      expect(drained).toMatchObject({ code: 0 });
      const messages = await readTopic(brokers, topic);
      const duck = await DuckDb.open({ threads: 1 });
      const table = (await readTable(localFolder(join(folder, 'data/clicks'))))!;
      const files = [...table.files.keys()].map((path) =>
        join(folder, 'data/clicks', decodeURIComponent(path)),
      );
      const [counted] = await duck.rows(
        `SELECT count(*) AS rows, count(DISTINCT (_partition, _offset)) AS offsets FROM read_parquet(${quotePaths(files)}, hive_partitioning = false)`,
      );
      expect([Number(counted!['rows']), Number(counted!['offsets'])]).toEqual([
        messages.length,
        messages.length,
      ]);
      const settings = { folder, history: localFolder(join(folder, '.plumb/history')) };
      const watermarkUs = (await completeHistory(settings, view, entity))!.watermarkUs!;
      const rows = await readHistory(duck, settings.history.path, view, entity);
      duck.close();
      const events = sent.map(({ user_id, at, page, price }): RawEvent => {
        return { keys: [user_id], eventUs: at * 1_000, createdUs: at * 1_000, values: { page, price } };
      });
      const firstUs = Math.floor(Math.min(...sent.map(({ at }) => at * 1_000)) / HOP_US) * HOP_US;
      let compared = 0;
      for (const id of new Set(sent.map(({ user_id }) => user_id))) {
        const own = events.filter(({ keys }) => keys[0] === id);
        for (let edgeUs = firstUs; edgeUs <= watermarkUs; edgeUs += HOP_US) {
          const found = answerAt(rows.get(entityId(entity, [id])) ?? [], edgeUs);
          expect(found, `${id} at ${edgeUs}`).toEqual(naiveRow(view, own, edgeUs));
          compared += 1;
        }
      }
      expect(compared).toBeGreaterThan(100);
    },
  };
}
