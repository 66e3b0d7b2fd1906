import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadSettings } from '../../../../project/settings/settings.ts';
import { scratchFolder } from '../../../support/scratch.ts';

test('AWS and its variables count where nothing is set', () => {
  const folder = scratchFolder({ 'plumbline.yaml': 'project: shop\n' });
  expect(loadSettings(folder, {}).elsewhere).toEqual({
    extensions: null,
    s3: {
      endpoint: null,
      region: 'us-east-1',
      pathStyle: false,
      login: null,
      aside: join(folder, '.plumb/aside'),
    },
  });
  const environment = {
    AWS_ACCESS_KEY_ID: 'id',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_SESSION_TOKEN: 'token',
    AWS_REGION: 'eu-central-1',
    AWS_ENDPOINT_URL: 'http://127.0.0.1:9000',
  };
  expect(loadSettings(folder, environment).elsewhere.s3).toEqual({
    endpoint: 'http://127.0.0.1:9000',
    region: 'eu-central-1',
    pathStyle: true,
    login: { accessKeyId: 'id', secretAccessKey: 'secret', sessionToken: 'token' },
    aside: join(folder, '.plumb/aside'),
  });
});

test('settings go before variables, and the secret lies in a file', () => {
  const s3 =
    '{ endpoint: "https://s.example.com", pathStyle: false, accessKeyId: own, secretAccessKeyFile: key }';
  const folder = scratchFolder({
    'plumbline.yaml': `project: shop\nduckdb: { extensions: lib }\ns3: ${s3}\n`,
  });
  writeFileSync(join(folder, 'key'), 'hidden\n');
  const { extensions, s3: own } = loadSettings(folder, {
    AWS_ACCESS_KEY_ID: 'id',
    AWS_REGION: 'r',
  }).elsewhere;
  expect(extensions).toBe(join(folder, 'lib'));
  expect(own).toEqual({
    endpoint: 'https://s.example.com',
    region: 'r',
    pathStyle: false,
    login: { accessKeyId: 'own', secretAccessKey: 'hidden', sessionToken: null },
    aside: join(folder, '.plumb/aside'),
  });
});

test.each([
  ['s3: { accessKeyId: own }', 's3: expected secretAccessKeyFile too'],
  ['s3: { accessKeyId: own, secretAccessKeyFile: none }', 's3.secretAccessKeyFile: none cannot be read'],
  ['s3: { endpoint: "storage:9000" }', 's3.endpoint'],
])('%s is refused', (line, sentence) => {
  const folder = scratchFolder({ 'plumbline.yaml': `project: shop\n${line}\n` });
  expect(() => loadSettings(folder, {})).toThrow(sentence);
});
