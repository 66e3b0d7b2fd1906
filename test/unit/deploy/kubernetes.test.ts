import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { k8sRender, k8sValues } from '../../../deploy/kubernetes/k8s-commands.ts';
import type { Manifest } from '../../../deploy/kubernetes/manifest.ts';
import { SIDECAR_CHART } from '../../../deploy/kubernetes/manifest.ts';
import { chartValues, checkedValues, projectValues } from '../../../deploy/kubernetes/project-values.ts';
import { withSidecar } from '../../../deploy/kubernetes/sidecar.ts';
import { workloads } from '../../../deploy/kubernetes/workloads.ts';
import { loadSettings } from '../../../project/settings/settings.ts';
import { commandLine } from '../../../command-line.ts';
import { modelServer, MODES, VALUE_SETS } from '../../support/deploy/deployments.ts';
import { bundleOf, driverStats } from '../../support/fixtures/materialized-project.ts';
import { commandContext } from '../../support/processes/command-context.ts';
import { scratchFolder } from '../../support/scratch.ts';

interface Container {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly volumeMounts: readonly { readonly name: string }[];
}

interface Template {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly containers: readonly Container[];
    readonly initContainers?: readonly Container[];
    readonly volumes: readonly { readonly name: string }[];
  };
}

/** @returns the pods of a manifest: its own, or those of its jobs */
function templateOf({ spec }: Manifest): Template | undefined {
  const jobs = spec?.['jobTemplate'] as { spec: { template: Template } } | undefined;
  return jobs?.spec.template ?? (spec?.['template'] as Template | undefined);
}

describe.each(Object.entries(VALUE_SETS))('%s', (_, given) => {
  const values = checkedValues([chartValues(), given]);
  const all = [
    ...workloads(values),
    ...MODES.map((mode) => withSidecar(modelServer(mode), { ...values[SIDECAR_CHART], mode })),
  ];
  const ours = (template: Template): Container[] =>
    [...template.spec.containers, ...(template.spec.initContainers ?? [])].filter(
      ({ env }) => env !== undefined,
    );

  test('objects of a kind have names of their own, and selectors find the pods that they stand beside', () => {
    const names = all.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
    for (const manifest of all) {
      const selector = manifest.spec?.['selector'] as { matchLabels?: Record<string, string> } | undefined;
      const template = templateOf(manifest);
      if (template !== undefined && selector?.matchLabels !== undefined)
        expect(template.metadata.labels).toMatchObject(selector.matchLabels);
    }
  });

  test('what is mounted is there', () => {
    for (const template of all.flatMap((one) => templateOf(one) ?? [])) {
      const volumes = template.spec.volumes.map(({ name }) => name);
      const claimed = ['state'];
      for (const { volumeMounts } of ours(template))
        expect([...volumes, ...claimed]).toEqual(
          expect.arrayContaining(volumeMounts.map(({ name }) => name)),
        );
      expect(new Set(volumes).size).toBe(volumes.length);
    }
  });

  test('every program takes its environment, and every command is one', () => {
    const containers = all.flatMap((one) => templateOf(one) ?? []).flatMap(ours);
    for (const { args, env } of containers) {
      const environment = Object.fromEntries(env.map(({ name, value }) => [name, value ?? 'a-pod']));
      const folder = scratchFolder({ 'plumbline.yaml': values.settings });
      const settings = loadSettings(folder, environment, {});
      expect(settings.project).toBe(values.settings === '' ? 'plumbline' : 'shop');
      const command = args.find((word) => !word.startsWith('-'));
      const table = commandLine(async () => {});
      expect(table.commands.map((one) => one.name())).toContain(command);
    }
    expect(containers.length).toBeGreaterThanOrEqual(MODES.length);
  });
});

test('a native sidecar starts before the model server, behind what prepares it, and ends without a drain', () => {
  const values = checkedValues([chartValues()]);
  const { spec } = templateOf(withSidecar(modelServer('native'), values[SIDECAR_CHART]))!;
  expect(spec.initContainers!.map(({ name }) => name)).toEqual(['fetch-model', 'plumbline']);
  expect(spec.initContainers![1]).toMatchObject({ restartPolicy: 'Always', args: ['serve'] });
  expect(spec.initContainers![1]!.env).toContainEqual({ name: 'PLUMB_SERVE_DRAIN_MS', value: '0' });
  expect(spec).toMatchObject({ terminationGracePeriodSeconds: 30 });
});

test('a grace period that the pod has stays; Knative gets neither ports nor probes nor fields of the pod', () => {
  const values = checkedValues([chartValues()])[SIDECAR_CHART];
  const { spec } = templateOf(withSidecar(modelServer('container'), { ...values, mode: 'container' }))!;
  expect(spec).toMatchObject({ terminationGracePeriodSeconds: 45 });
  expect(spec.containers.at(-1)!.env).toContainEqual({ name: 'PLUMB_SERVE_GRACE_MS', value: '45000' });
  const knative = templateOf(withSidecar(modelServer('knative'), { ...values, mode: 'knative' }))!;
  const sidecar = knative.spec.containers.at(-1)!;
  expect(Object.keys(sidecar).filter((name) => /ports|Probe/.test(name))).toEqual([]);
  expect(sidecar.env.map(({ name }) => name)).not.toContain('POD_UID');
});

test("the sidecars' policy shuts their admin port, and leaves the model servers' own ports to everybody", () => {
  interface Rule {
    readonly from?: readonly object[];
    readonly ports: readonly {
      readonly protocol: string;
      readonly port: number;
      readonly endPort?: number;
    }[];
  }
  for (const adminPort of [1_024, 7_567, 65_535]) {
    const values = checkedValues([chartValues(), { [SIDECAR_CHART]: { adminPort } }]);
    const { spec } = workloads(values).find(
      ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name.endsWith('-sidecar'),
    )!;
    const mayAsk = (where: 'everybody' | 'some', protocol: string, asked: number): boolean =>
      (spec!['ingress'] as Rule[]).some(
        ({ from, ports }) =>
          (from === undefined) === (where === 'everybody') &&
          ports.some(
            (one) => one.protocol === protocol && one.port <= asked && asked <= (one.endPort ?? one.port),
          ),
      );
    expect([1, 80, 8_080, 65_534].map((port) => mayAsk('everybody', 'TCP', port))).not.toContain(false);
    expect(mayAsk('everybody', 'UDP', 8_443)).toBe(true);
    expect(mayAsk('everybody', 'TCP', adminPort)).toBe(false);
    expect(mayAsk('some', 'TCP', adminPort)).toBe(true);
  }
});

test('rules are those of the files, under labels of which none stands for our own', () => {
  const labels = { release: 'prometheus', 'app.kubernetes.io/component': 'other' };
  const values = checkedValues([chartValues(), { prometheusRules: { enabled: true, labels } }]);
  const rules = workloads(values).find(({ kind }) => kind === 'PrometheusRule')!;
  expect(rules.metadata).toMatchObject({
    name: 'plumbline-rules',
    labels: { release: 'prometheus', 'app.kubernetes.io/component': 'rules' },
  });
  const folder = join(import.meta.dirname, '../../../deploy/helm/plumbline/alerts');
  const files = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'));
  const groups = rules.spec!['groups'] as { readonly name: string; readonly rules: readonly object[] }[];
  expect(new Set(groups.map(({ name }) => name)).size).toBe(groups.length);
  const alerts = files.join('').match(/^ +- (alert|record): /gm)!;
  expect(groups.flatMap((group) => group.rules)).toHaveLength(alerts.length);
});

test('settings and definitions say which programs there are, and how large', () => {
  const folder = scratchFolder({
    'plumbline.yaml':
      'log: { kafka: { brokers: "k:9092" }, maxBytes: 8GiB }\nserve: { cacheBytes: 1GiB, graceMs: 60500 }\n',
  });
  const settings = loadSettings(folder, {}, {});
  const bundle = { ...bundleOf(driverStats()), hash: 'a' };
  expect(projectValues(settings, 'x', bundle)).toMatchObject({
    settings: 'x',
    materializer: { daemon: false },
    stream: { enabled: false },
    ingest: { enabled: true },
    [SIDECAR_CHART]: {
      graceSeconds: 61,
      spool: { size: '12Gi' },
      resources: { requests: { memory: '1152Mi' } },
    },
  });
  const hourly = driverStats({ scheduleUs: 3_600_000_000 });
  expect(projectValues(settings, '', { ...bundleOf(hourly), hash: 'a' })).toMatchObject({
    materializer: { daemon: true },
  });
  // What the charts have is what a project without settings needs.
  const plain = loadSettings(scratchFolder({ 'plumbline.yaml': '' }), {}, {});
  const own = projectValues(plain, '', null);
  expect(checkedValues([chartValues(), { ...own, ingest: { enabled: true } }])).toEqual(
    checkedValues([chartValues()]),
  );
});

test.each(['*/5 0-6,20 1 jan-MAR 6', '@daily', '0 3 * * mon-fri', '17 3 ? * *'])('cron %s', (schedule) => {
  expect(checkedValues([chartValues(), { monitor: { schedule } }]).monitor.schedule).toBe(schedule);
});

test('a mode that is not for the kind, and a sidecar that is there already, are refused', () => {
  const values = checkedValues([chartValues()])[SIDECAR_CHART];
  const put = (manifest: Manifest, mode: (typeof MODES)[number]) => () =>
    withSidecar(manifest, { ...values, mode });
  expect(put(modelServer('knative'), 'native')).toThrow(
    /Service ranker: mode is native.*mode: knative alone/,
  );
  expect(put(modelServer('native'), 'knative')).toThrow(/Deployment ranker: mode knative is for/);
  expect(put({ ...modelServer('native'), kind: 'Job' }, 'container')).toThrow(/never end.*mode: native/);
  for (const mode of MODES)
    expect(put(withSidecar(modelServer(mode), { ...values, mode }), mode)).toThrow(
      /container plumbline already/,
    );
});

describe('the commands', () => {
  test('print values and manifests as YAML, and put the sidecar into a file of manifests', async () => {
    const folder = scratchFolder({
      'plumbline.yaml': 'project: shop\n',
      'values.yaml': 'name: shop\n',
      'server.yaml': `# the model\n${JSON.stringify(modelServer('native'))}\n---\n{ kind: Service, metadata: { name: x } }\n`,
    });
    const context = commandContext(folder);
    await k8sValues(context);
    expect(context.said()).toContain('settings: |\n  project: shop\n');
    await k8sRender(context, { values: [join(folder, 'values.yaml')] });
    const kinds = parseAllDocuments(context.said()).map((one) => (one.toJS() as Manifest).kind);
    expect(kinds).toEqual(expect.arrayContaining(['ConfigMap', 'CronJob', 'Deployment', 'NetworkPolicy']));
    await k8sRender(context, { into: join(folder, 'server.yaml'), mode: 'container' });
    const [server, service] = parseAllDocuments(context.said()).map((one) => one.toJS() as Manifest);
    expect(templateOf(server!)!.spec.containers.map(({ name }) => name)).toEqual(['model', 'plumbline']);
    expect(service!.kind).toBe('Service');
  });

  test('secrets are refused by name, wherever they would be shown, and never repeated', async () => {
    const folder = scratchFolder({
      'plumbline.yaml':
        'registry: postgres://u:hush@db/x\nlog: { kafka: { brokers: "k:9092", sasl: { mechanism: plain, username: u, password: hush } } }\n',
      'values.yaml': `settings: ''\nenv: { PLUMB_TOKEN: hush }\n${SIDECAR_CHART}: { env: { PLUMB_ONLINE: "rediss://u:hush@r" } }\n`,
    });
    const refused = async (done: Promise<unknown>): Promise<string> => {
      const error = (await done.then(null, (thrown: unknown) => thrown)) as Error;
      expect(error).toMatchObject({ code: 'DEP_SECRET' });
      expect(error.message).not.toContain('hush');
      return error.message;
    };
    const ofValues = await refused(k8sValues(commandContext(folder)));
    expect(ofValues).toMatch(/registry: .*PLUMB_REGISTRY in the environment/);
    expect(ofValues).toMatch(/log\.kafka\.sasl\.password: .*PLUMB_LOG_KAFKA_SASL_PASSWORD/);
    expect(await refused(k8sRender(commandContext(folder), {}))).toBe(ofValues);
    const given = { values: [join(folder, 'values.yaml')] };
    const ofRender = await refused(k8sRender(commandContext(folder), given));
    expect(ofRender).toMatch(/^ {2}env\.PLUMB_TOKEN: /m);
    expect(ofRender).toMatch(/plumbline-sidecar\.env\.PLUMB_ONLINE: /);
  });

  test.each([
    ['name: Shop\n', 'DEP_VALUES'],
    ['stream: { replcas: 2 }\n', 'DEP_VALUES'],
    [`name: ${'a'.repeat(40)}\n`, 'DEP_VALUES'],
    ['monitor: { schedule: "61 3 * * *" }\n', 'DEP_VALUES'],
    ['monitor: { schedule: "0 3 * * mon-fri-sat" }\n', 'DEP_VALUES'],
    ['podMonitor: { interval: often }\n', 'DEP_VALUES'],
    ['volumes: [{ emptyDir: {} }]\n', 'DEP_VALUES'],
    ['[1]\n', 'DEP_VALUES'],
    ['{ a: \n', 'DEP_VALUES'],
  ])('values %j are refused', async (text, code) => {
    const folder = scratchFolder({ 'plumbline.yaml': '', 'values.yaml': text });
    const rendered = k8sRender(commandContext(folder), { values: [join(folder, 'values.yaml')] });
    await expect(rendered).rejects.toMatchObject({ code });
  });

  test.each([
    ['kind: ConfigMap\n', 'DEP_MANIFEST'],
    ['{ a: \n', 'DEP_MANIFEST'],
  ])('manifests %j are refused', async (text, code) => {
    const folder = scratchFolder({ 'plumbline.yaml': '', 'server.yaml': text });
    await expect(
      k8sRender(commandContext(folder), { into: join(folder, 'server.yaml') }),
    ).rejects.toMatchObject({
      code,
    });
    await expect(
      k8sRender(commandContext(folder), { into: join(folder, 'none.yaml') }),
    ).rejects.toMatchObject({
      code: 'DEP_FILE',
    });
  });
});
