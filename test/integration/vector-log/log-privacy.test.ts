/** Marked features and ids through the whole sidecar: what the model gets is whole, what the log holds is not. */
import { createHmac } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Bundle, LogPolicy } from '../../../contract/model.ts';
import { ValueHasher } from '../../../contract/log-privacy.ts';
import { readServedLog } from '../../../contract/wire/log/served-log.ts';
import type { ServedRecord } from '../../../contract/wire/log/served-record.ts';
import { decodeServed } from '../../../contract/served-values.ts';
import { runServe } from '../../../sidecar/main.ts';
import { fee, onDemandContent, trip } from '../../support/fixtures/on-demand-bundle.ts';
import {
  NOON_US,
  PROFILE_VALUES,
  ServingFixture,
  bundleContent,
  customer,
  manualClock,
  productStats,
  profile,
  spend,
} from '../../support/fixtures/serving-fixture.ts';

const SECRET = 'a secret of 20 bytes';
const MARKS: Readonly<Record<string, LogPolicy>> = { name: 'hmac', points: 'hmac', balance: 'drop' };

let fixture: ServingFixture;
afterEach(() => fixture.close());

function markedContent(ids: LogPolicy, marks = MARKS): Omit<Bundle, 'hash'> {
  const features = profile.features.map((f) => ({ ...f, log: marks[f.name] ?? ('raw' as const) }));
  const content = bundleContent([{ ...profile, features }, spend, productStats]);
  const entities = new Map(content.entities).set('customer', { ...customer, log: ids });
  return { ...content, entities };
}

function begin(content: Omit<Bundle, 'hash'>, secret: string | null = SECRET): void {
  fixture = new ServingFixture(manualClock(), {}, content);
  if (secret === null) return;
  writeFileSync(join(fixture.folder, 'hmac.key'), `${secret}\n`);
  writeFileSync(
    join(fixture.folder, 'plumbline.yaml'),
    'project: test\nserve: { port: 0, adminPort: 0 }\nlog: { hmacKey: { id: k1, file: hmac.key } }\n',
  );
}

/** On-demand views with these marks on their inputs and features. */
function markedOnDemand(marks: Readonly<Record<string, LogPolicy>>): Omit<Bundle, 'hash'> {
  const mark = <Of extends { readonly name: string }>(of: Of): Of => ({
    ...of,
    log: marks[of.name] ?? 'raw',
  });
  const views = [trip, fee].map((view) => ({
    ...view,
    inputs: view.inputs.map(mark),
    features: view.features.map(mark),
  }));
  return onDemandContent(views);
}

test('marked inputs and outputs of on-demand views reach the model, and not the log', async () => {
  const content = markedOnDemand({ city: 'hmac', cart: 'drop', label: 'hmac', ratio: 'drop' });
  const services = new Map([['ordered', content.services.get('ordered')!]]);
  begin({ ...content, services });
  for (const [view, row] of [
    [spend, [25, 3n]],
    [profile, PROFILE_VALUES],
  ] as const) {
    fixture.mark(view.id, NOON_US);
    fixture.put(view, 1n, row);
  }
  const served = await runServe(fixture.project());
  const context = { cart: 987_654.25, city: ['Paris', null], big: 4, tags: [['a']] };
  const response = await fetch(`http://127.0.0.1:${served.port}/feature-service/get-online-features`, {
    method: 'POST',
    body: JSON.stringify({ feature_service: 'ordered', entities: { customer_id: [1, 1] }, context }),
  });
  const text = await response.text();
  expect(response.status, text).toBe(200);
  expect(text).toContain('"trip__label":"Paris!"');
  await served.stop();
  const { spool } = fixture.project().settings.log;
  const records = [...readServedLog(spool)].flatMap((item) => (item.kind === 'served' ? [item.record] : []));
  const record = records[0]!;
  const holds = (bytes: Buffer): boolean =>
    readdirSync(spool).some((file) => readFileSync(join(spool, file)).indexOf(bytes) !== -1);
  expect(holds(Buffer.from('Paris'))).toBe(false);
  const cart = Buffer.alloc(8);
  cart.writeDoubleBE(context.cart);
  expect(holds(cart)).toBe(false);
  expect([record.answer, record.hmacKeyId]).toEqual([null, 'k1']);
  expect(record.inputPolicies).toEqual([2, 1, 0, 0]);
  expect(record.onDemand.map(({ outputPolicies }) => outputPolicies)).toEqual([[2, 1, 0, 0], []]);
  const key = { id: 'k1', secret: Buffer.from(SECRET) };
  const digests = (view: string, name: string, values: readonly (string | null)[]): Buffer[] =>
    values.map((value) => new ValueHasher(key, view, { name, type: { kind: 'string' } }).digest(value));
  expect(record.vectors.map(({ inputHmacs }) => inputHmacs[0])).toEqual(digests('', 'city', ['Paris', null]));
  expect(record.vectors.map(({ outputHmacs }) => outputHmacs[0])).toEqual(
    digests('trip', 'label', ['Paris!', 'nowhere']),
  );
  const [vector] = decodeServed(fixture.bundle, record);
  expect(vector!.inputs.map(({ name, value, withheld }) => [name, value, withheld])).toEqual([
    ['cart', null, 'drop'],
    ['city', null, 'hmac'],
    ['big', 4n, null],
    ['tags', ['a'], null],
  ]);
  const shown = vector!.features.map(({ name, value, withheld }) => [name, value, withheld]);
  expect(shown.slice(0, 3)).toEqual([
    ['trip__ratio', null, 'drop'],
    ['spend__total', 25, null],
    ['trip__label', null, 'hmac'],
  ]);
});

test('marks on inputs without a secret are refused at the start', async () => {
  begin(markedOnDemand({ city: 'hmac' }), null);
  await expect(runServe(fixture.project())).rejects.toMatchObject({ code: 'LOG_HMAC_KEY' });
});

async function serveOne(entities: object): Promise<{ text: string; record: ServedRecord; spool: string }> {
  for (const view of fixture.bundle.views.keys()) fixture.mark(view, 1);
  fixture.put(profile, 1n, PROFILE_VALUES);
  const served = await runServe(fixture.project());
  let text = '';
  for (let i = 0; i < 2; i++) {
    const response = await fetch(`http://127.0.0.1:${served.port}/feature-service/get-online-features`, {
      method: 'POST',
      body: JSON.stringify({ feature_service: 'profile_only', entities }),
    });
    text = await response.text();
    expect(response.status, text).toBe(200);
  }
  await served.stop();
  const { spool } = fixture.project().settings.log;
  const records = [...readServedLog(spool)].flatMap((item) => (item.kind === 'served' ? [item.record] : []));
  expect(records).toHaveLength(2);
  // From the store and from the cache the log holds the same.
  expect(records[0]!.vectors[0]!.rows[0]!.row).toEqual(records[1]!.vectors[0]!.rows[0]!.row);
  const files = readdirSync(spool).filter((file) => file.endsWith('.seg'));
  const bytes = Buffer.concat(files.map((file) => readFileSync(join(spool, file)))).toString('latin1');
  return { text, record: records[1]!, spool: bytes };
}

describe('the log of marked definitions', () => {
  test('holds neither values nor ids, and their HMACs where it was asked to', async () => {
    begin(markedContent('hmac'));
    const { text, record, spool } = await serveOne({ customer_id: [1, 404] });
    expect(text).toContain('"profile__name":"Ada \\"A\\" Löwe","profile__visits":7,');
    expect(text).toContain('"profile__points":9007199254740993');
    expect(spool).not.toContain('Ada');
    const digest = (part: string): string => createHmac('sha256', SECRET).update(part).digest('hex');
    expect(record.vectors.map(({ keys }) => keys)).toEqual([[digest('1')], [digest('404')]]);
    expect(record).toMatchObject({ keyPolicies: [1], hmacKeyId: 'k1', answer: null });
    expect(fixture.warnings.some((line) => line.includes('has mode 0644: anybody here can read it'))).toBe(
      true,
    );
    const row = record.vectors[0]!.rows[0]!;
    expect(row.masked).toBe(true);
    const key = { id: 'k1', secret: Buffer.from(SECRET) };
    expect(row.hmacs).toEqual(
      [0, 2].map((i) => new ValueHasher(key, 'profile', profile.features[i]!).digest(PROFILE_VALUES[i]!)),
    );
    const byHand = createHmac('sha256', SECRET).update('profile:points\0');
    expect(row.hmacs[1]).toEqual(byHand.update(Buffer.from('cf0020000000000001', 'hex')).digest());
    const [known, unknown] = decodeServed(fixture.bundle, record);
    expect(known!.entities).toEqual([`hmac:${digest('1')}`]);
    // The photo, the last, comes as another class of bytes.
    expect(known!.features.map(({ value, withheld }) => withheld ?? value).slice(0, -1)).toEqual(
      PROFILE_VALUES.map((value, i) => MARKS[profile.features[i]!.name] ?? value).slice(0, -1),
    );
    expect(unknown!.rows[0]!.logged.row).toBe(null);
  });

  test('drops ids, and tells a null key from a dropped one', async () => {
    begin(markedContent('drop', {}), null);
    const { record } = await serveOne({ customer_id: [1] });
    expect(record.vectors[0]!.keys).toEqual(['']);
    expect(record).toMatchObject({ keyPolicies: [2], hmacKeyId: '', answer: null });
    expect(record.vectors[0]!.rows[0]!.masked).toBe(false);
    expect(decodeServed(fixture.bundle, record)[0]!.entities).toEqual([null]);
  });

  test('is not begun without the secret that it needs, in one sentence', async () => {
    begin(markedContent('raw'), null);
    const error: unknown = await runServe(fixture.project()).catch((fault: unknown) => fault);
    expect(error).toMatchObject({ code: 'LOG_HMAC_KEY', kind: 'usage' });
    expect((error as Error).message).toBe(
      'feature profile:name: the log policy is hmac, and log.hmacKey names no secret',
    );
    const served = await runServe(fixture.project({ 'log.enabled': 'false' }));
    await served.stop();
  });

  test('refuses a secret that is short or cannot be read', async () => {
    begin(markedContent('hmac'), 'too short');
    await expect(runServe(fixture.project())).rejects.toMatchObject({ code: 'REG_SETTINGS' });
  });

  test('without marks is the stored bytes themselves', async () => {
    begin(markedContent('raw', {}), null);
    const { record } = await serveOne({ customer_id: [1] });
    expect(record).toMatchObject({ keyPolicies: [], hmacKeyId: '', vectors: [{ keys: ['1'] }] });
    expect(record.vectors[0]!.rows[0]).toMatchObject({ masked: false, hmacs: [] });
  });
});
