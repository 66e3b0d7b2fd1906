/** What is deprecated, told to callers over HTTP and gRPC: headers, metadata, schemas, the counter. */
import { Metadata, credentials, Client } from '@grpc/grpc-js';
import { expect, onTestFinished, test } from 'vitest';
import type { Bundle, FeatureService } from '../../../contract/model.ts';
import { publishBundle } from '../../../contract/definitions/bundle-folder.ts';
import { runServe } from '../../../sidecar/main.ts';
import {
  NOON_US,
  PROFILE_VALUES,
  ServingFixture,
  bundleContent,
  manualClock,
  productStats,
  profile,
  spend,
} from '../../support/fixtures/serving-fixture.ts';
import { messageBytes } from '../../support/grpc/grpc-messages.ts';
import { until } from '../../support/until.ts';

/** A view from February on, one of its features and a service from January on. */
const OLD_VIEW = { date: '2027-02-01', successor: 'profile@v2' };
const OLD_FEATURE = { date: '2027-01-01T00:00:00Z', successor: null };
const OLD_SERVICE = { date: '2027-01-31', successor: 'all' };
const SECONDS = { view: 1_801_440_000, feature: 1_798_761_600 };
const LIST = [
  { what: 'view', name: 'profile', ...OLD_VIEW },
  { what: 'feature', name: 'profile__visits', ...OLD_FEATURE },
];

function content(): Omit<Bundle, 'hash'> {
  const features = profile.features.map((one) => {
    return one.name === 'visits' ? { ...one, deprecated: OLD_FEATURE } : one;
  });
  const all = bundleContent([{ ...profile, features, deprecated: OLD_VIEW }, spend, productStats]);
  const old: FeatureService = { ...all.services.get('everything')!, deprecated: OLD_SERVICE };
  return { ...all, services: new Map([...all.services, ['everything', old]]) };
}

async function trailersOf(port: number): Promise<Metadata> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const same = (bytes: Buffer): Buffer => bytes;
  const inputs = [{ name: 'customer_id', datatype: 'INT64', shape: [1], contents: { int64_contents: [1] } }];
  const request = messageBytes('inference.ModelInferRequest', { model_name: 'profile_only', inputs });
  const path = '/inference.GRPCInferenceService/ModelInfer';
  try {
    return await new Promise((resolve, reject) => {
      const call = client.makeUnaryRequest(path, same, same, request, (error) => {
        if (error !== null) reject(error);
      });
      call.on('status', ({ metadata }) => resolve(metadata));
    });
  } finally {
    client.close();
  }
}

test.each(['uws', 'node'])('callers are told what is deprecated, on %s', async (transport) => {
  const flags = { 'serve.transport': transport, 'serve.grpcPort': '0' };
  const fixture = new ServingFixture(manualClock(), flags, content());
  onTestFinished(() => fixture.close());
  fixture.put(profile, 1n, PROFILE_VALUES);
  for (const id of ['spend', 'profile', 'product']) fixture.mark(id, NOON_US);
  const served = await runServe(fixture.project());
  onTestFinished(() => served.stop());
  const at = `http://127.0.0.1:${served.port}`;
  const post = (path: string, body: object): Promise<Response> =>
    fetch(`${at}${path}`, { method: 'POST', body: JSON.stringify(body) });
  const entities = { customer_id: [1] };
  const native = (service: string, more: object = {}): Promise<Response> =>
    post('/feature-service/get-online-features', {
      feature_service: service,
      entities: { ...entities, ...more },
    });

  const answer = await native('profile_only');
  expect(answer.headers.get('deprecation')).toBe(`@${SECONDS.feature}`);
  expect(await answer.json()).toMatchObject({ metadata: { deprecated: LIST } });
  const whole = (await (await native('everything', { product_code: ['a'] })).json()) as {
    metadata: { deprecated: object[] };
  };
  expect(whole.metadata.deprecated[0]).toEqual({ what: 'service', name: 'everything', ...OLD_SERVICE });
  const clean = await native('twice', { customer_id: undefined, buyer_id: [1], seller_id: [1] });
  expect([clean.status, clean.headers.get('deprecation')]).toEqual([200, null]);
  expect(await clean.text()).not.toContain('deprecated');

  const feast = await post('/get-online-features', { features: ['profile:name'], entities });
  expect(feast.headers.get('deprecation')).toBe(`@${SECONDS.view}`);
  const tensor = { name: 'customer_id', datatype: 'INT64', shape: [1], data: [1] };
  for (const binary of [false, true]) {
    const parameters = { binary_data_output: binary };
    const infer = await post('/v2/models/profile_only/infer', { inputs: [tensor], parameters });
    expect([infer.status, infer.headers.get('deprecation')]).toEqual([200, `@${SECONDS.feature}`]);
    expect(infer.headers.get('content-type')).toContain(binary ? 'octet-stream' : 'json');
  }
  expect((await trailersOf(served.grpcPort!)).get('deprecation')).toEqual([`@${SECONDS.feature}`]);

  const get = async (path: string): Promise<Record<string, unknown>> =>
    (await (await fetch(`${at}${path}`)).json()) as Record<string, unknown>;
  expect(await get('/feature-service/profile_only')).toMatchObject({ deprecated: LIST });
  expect(await get('/v2/models/profile_only')).toMatchObject({ parameters: { deprecated: LIST } });
  expect(await get('/openapi.json')).toMatchObject({
    paths: { '/v2/models/everything/infer': { post: { deprecated: true } } },
    components: {
      schemas: {
        'everything.request': { deprecated: true },
        'profile_only.result': {
          properties: { features: { properties: { profile__visits: { deprecated: true } } } },
        },
      },
    },
  });

  const metrics = await (await fetch(`http://127.0.0.1:${served.adminPort}/metrics`)).text();
  const counted = [...metrics.matchAll(/^plumbline_deprecated_answers_total\{service="(.*)"\} (\d+)$/gm)];
  expect(counted.map(([, service, n]) => [service, n]).toSorted()).toEqual([
    ['', '1'],
    ['everything', '1'],
    ['profile_only', '4'],
  ]);

  // A bundle in which nothing goes says nothing more; what was counted stays.
  publishBundle(fixture.project().settings.bundles, bundleContent());
  await until(async () => (await native('profile_only')).headers.get('deprecation') === null, 'no swap');
});
