/** The alert rules as Prometheus itself reads them: they parse, and each fires when it should and not before. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { verdictMetrics } from '../../monitor/alerts/verdict-metrics.ts';
import { badDay } from '../support/fixtures/sample-snapshot.ts';
import { scratchFolder } from '../support/scratch.ts';
import { prometheusProgram } from '../support/prometheus/prometheus-server.ts';

const FOLDER = join(import.meta.dirname, '../../deploy/helm/plumbline/alerts');
const RULES = readdirSync(FOLDER).map((file) => join(FOLDER, file));

let promtool = '';
beforeAll(async () => {
  promtool = await prometheusProgram('promtool');
}, 300_000);

interface Case {
  readonly alert: string;
  /** Metric -> values a minute apart, as promtool writes series: `0+60x9` is 0, 60, ... 540. */
  readonly series: Readonly<Record<string, string>>;
  readonly silentAt?: string;
  /** Left out: it never fires. */
  readonly firesAt?: string;
  /** Of the alert beside its severity; else those of the first series. */
  readonly labels?: Readonly<Record<string, string>>;
}

const GIB = 2 ** 30;
const DURATION = 'plumbline_request_duration_seconds';
const PARTITION = 'plumbline_stream_partition';
const LAST_RUN = 'plumbline_monitor_last_run_timestamp_seconds';
const VIEW = 'plumbline_view';
const CASES: readonly Case[] = [
  {
    alert: 'PlumblineLogShed',
    series: { plumbline_log_shed_records_total: '0x9 7x9' },
    silentAt: '9m',
    firesAt: '11m',
  },
  {
    alert: 'PlumblineSpoolFailing',
    series: { plumbline_spool_failing: '0x4 1x9' },
    silentAt: '5m',
    firesAt: '7m',
  },
  {
    alert: 'PlumblineSpoolFillsUp',
    series: { plumbline_spool_bytes: `${GIB}x5 ${1.6 * GIB}x20`, plumbline_spool_max_bytes: `${2 * GIB}x30` },
    silentAt: '8m',
    firesAt: '12m',
  },
  {
    // In 4 hours 1 MiB a minute adds 240 MiB, and 5 MiB a minute 1.2 GiB.
    alert: 'PlumblineSpoolFullSoon',
    series: {
      plumbline_spool_bytes: `${GIB}+${2 ** 20}x120 ${1.2 * GIB}+${5 * 2 ** 20}x90`,
      plumbline_spool_max_bytes: `${2 * GIB}x240`,
    },
    silentAt: '2h',
    firesAt: '3h20m',
  },
  {
    alert: 'PlumblineSlowDisk',
    series: { plumbline_spool_slow_disk: '0x9 1x9' },
    silentAt: '10m',
    firesAt: '13m',
  },
  {
    alert: 'PlumblineRingFillsUp',
    series: { plumbline_spool_ring_bytes: '0x5 40x5', plumbline_spool_ring_max_bytes: '64x12' },
    silentAt: '5m',
    firesAt: '7m',
  },
  {
    alert: 'PlumblineShipperLag',
    series: { plumbline_shipper_oldest_unshipped_seconds: '0+60x20' },
    silentAt: '10m',
    firesAt: '12m',
  },
  {
    alert: 'PlumblineShipperRejected',
    series: { plumbline_shipper_rejected_records_total: '0x9 1x9' },
    silentAt: '9m',
    firesAt: '11m',
  },
  {
    alert: 'PlumblineIngestLag',
    series: { 'plumbline_spool_oldest_unread_seconds{consumer="ingest"}': '0+60x140' },
    silentAt: '2h5m',
    firesAt: '2h12m',
  },
  {
    alert: 'PlumblineIngestStopped',
    series: {
      'plumbline_ingest_newest_record_timestamp_seconds{share="all"}': '0x140',
      plumbline_build_info: '1x140',
    },
    silentAt: '2h9m',
    firesAt: '2h12m',
    labels: { share: 'all' },
  },
  {
    // It moved to another node, and what it left there stays.
    alert: 'PlumblineIngestStopped',
    series: {
      'plumbline_ingest_newest_record_timestamp_seconds{share="all",instance="old"}': '0x160',
      'plumbline_ingest_newest_record_timestamp_seconds{share="all",instance="new"}': '0+60x160',
      plumbline_build_info: '1x160',
    },
    silentAt: '2h30m',
  },
  {
    // Nobody serves.
    alert: 'PlumblineIngestStopped',
    series: { 'plumbline_ingest_newest_record_timestamp_seconds{share="all"}': '0x160' },
    silentAt: '2h30m',
  },
  {
    // The last run was 25 hours before 0: 26 hours and the 10 minutes of `for` later it is silent.
    alert: 'PlumblineMonitorSilent',
    series: { [LAST_RUN]: '-90000x120' },
    silentAt: '65m',
    firesAt: '75m',
    labels: {},
  },
  {
    // The job moved to another node, whose file goes on; of another service only the old one tells.
    alert: 'PlumblineMonitorSilent',
    series: {
      [`${LAST_RUN}{service="rank",instance="old"}`]: '-90000x120',
      [`${LAST_RUN}{service="rank",instance="new"}`]: '0+60x120',
    },
    silentAt: '100m',
  },
  {
    // The file went with its node: the time that was last seen goes on to age.
    alert: 'PlumblineMonitorSilent',
    series: { [LAST_RUN]: '-90000x10 _x110' },
    silentAt: '65m',
    firesAt: '75m',
    labels: {},
  },
  {
    // One service was taken out of the definitions.
    alert: 'PlumblineMonitorSilent',
    series: {
      [`${LAST_RUN}{service="gone"}`]: '-90000x10 _x110',
      [`${LAST_RUN}{service="rank"}`]: '0+60x120',
    },
    silentAt: '100m',
  },
  {
    alert: 'PlumblineMonitorSilent',
    series: { plumbline_build_info: '1x60' },
    silentAt: '50m',
  },
  {
    alert: 'PlumblineMonitorUnseen',
    series: { plumbline_build_info: '1x100' },
    silentAt: '59m',
    firesAt: '61m',
    labels: {},
  },
  {
    alert: 'PlumblineMonitorUnseen',
    series: { plumbline_build_info: '1x300', [LAST_RUN]: '0x10 _x290' },
    silentAt: '280m',
  },
  {
    alert: 'PlumblineSkewOpen',
    series: { 'plumbline_monitor_open_alerts{level="page"}': '0x5 2x9' },
    silentAt: '5m',
    firesAt: '6m',
  },
  {
    alert: 'PlumblineReceiverFailed',
    series: { 'plumbline_monitor_receiver_failed{receiver="slack"}': '0x5 1x9' },
    silentAt: '5m',
    firesAt: '6m',
  },
  {
    alert: 'PlumblineOnDemandSwitchedOff',
    series: { 'plumbline_on_demand_switched_off{view="trip"}': '0x5 1x9' },
    silentAt: '6m',
    firesAt: '8m',
  },
  {
    alert: 'PlumblineOnDemandRests',
    series: { 'plumbline_on_demand_failures_total{view="trip",reason="resting"}': '0x9 40x9' },
    silentAt: '9m',
    firesAt: '11m',
  },
  {
    // Complete up to 0; the alert age is 10 minutes, and one more is waited for.
    alert: 'PlumblineServedViewStale',
    series: {
      'plumbline_online_watermark_timestamp_seconds{view="spend"}': '0x30',
      'plumbline_online_freshness_alert_seconds{view="spend"}': '600x30',
    },
    silentAt: '11m',
    firesAt: '13m',
  },
  {
    alert: 'PlumblineViewStale',
    series: {
      'plumbline_view_watermark_timestamp_seconds{view="spend"}': '0x30',
      'plumbline_view_freshness_alert_seconds{view="spend"}': '600x30',
    },
    silentAt: '11m',
    firesAt: '13m',
    labels: { view: 'spend' },
  },
  {
    alert: 'PlumblineSourceStopped',
    series: {
      'plumbline_source_newest_event_timestamp_seconds{view="spend"}': '0x30',
      'plumbline_source_freshness_limit_seconds{view="spend"}': '600x30',
    },
    silentAt: '11m',
    firesAt: '13m',
    labels: { view: 'spend' },
  },
  {
    alert: 'PlumblineRunFailed',
    series: { 'plumbline_view_last_run_failed{view="spend"}': '0x4 1x12' },
    silentAt: '9m',
    firesAt: '11m',
    labels: { view: 'spend' },
  },
  {
    // The old node's file says failed, and is behind.
    alert: 'PlumblineRunFailed',
    series: {
      [`${VIEW}_last_run_failed{view="spend",instance="old"}`]: '1x60',
      [`${VIEW}_watermark_timestamp_seconds{view="spend",instance="old"}`]: '0x60',
      [`${VIEW}_last_run_failed{view="spend",instance="new"}`]: '0x30 1x30',
      [`${VIEW}_watermark_timestamp_seconds{view="spend",instance="new"}`]: '60x60',
    },
    silentAt: '30m',
    firesAt: '40m',
    labels: { view: 'spend' },
  },
  {
    alert: 'PlumblineViewStale',
    series: {
      [`${VIEW}_watermark_timestamp_seconds{view="spend",instance="old"}`]: '0x60',
      [`${VIEW}_freshness_alert_seconds{view="spend",instance="old"}`]: '600x60',
      [`${VIEW}_watermark_timestamp_seconds{view="spend",instance="new"}`]: '0+60x60',
      [`${VIEW}_freshness_alert_seconds{view="spend",instance="new"}`]: '600x60',
    },
    silentAt: '50m',
  },
  {
    alert: 'PlumblineNothingAnswered',
    series: { 'plumbline_requests_total{code="503",job="s"}': '0+100x60' },
    silentAt: '2m',
    firesAt: '10m',
    labels: { job: 's' },
  },
  {
    // One in a hundred is answered: that is for those on time.
    alert: 'PlumblineNothingAnswered',
    series: {
      'plumbline_requests_total{code="503",job="s"}': '0+100x60',
      [`${DURATION}_count{job="s"}`]: '0+1x60',
    },
    silentAt: '50m',
  },
  {
    alert: 'PlumblineSpoolVanished',
    series: { plumbline_spool_vanished_total: '0x9 1x9' },
    silentAt: '9m',
    firesAt: '11m',
  },
  {
    // Good for 8 hours, then every second request is late.
    alert: 'PlumblineRequestsSlow',
    series: {
      [`${DURATION}_bucket{le="0.01"}`]: '0+600x480 288300+300x60',
      [`${DURATION}_count`]: '0+600x540',
    },
    silentAt: '490m',
    firesAt: '505m',
    labels: {},
  },
  {
    // One in fifty is late all the time; refused ones are late as well.
    alert: 'PlumblineRequestsSlowForDays',
    series: {
      [`${DURATION}_bucket{le="0.01"}`]: '0+594x60',
      [`${DURATION}_count`]: '0+600x60',
      'plumbline_requests_total{code="503"}': '0+6x60',
    },
    silentAt: '10m',
    firesAt: '20m',
    labels: {},
  },
  {
    alert: 'PlumblineSidecarDown',
    series: { up: '1x9 0x9', plumbline_build_info: '1x9' },
    silentAt: '10m',
    firesAt: '12m',
  },
  {
    // It rings on while nobody mends it; without having been seen, by its job's name alone.
    alert: 'PlumblineSidecarDown',
    series: { 'up{job="s"}': '1x10 0x200', 'plumbline_build_info{job="s"}': '1x10 _x200' },
    firesAt: '90m',
  },
  {
    alert: 'PlumblineSidecarDown',
    series: { 'up{job="plumbline-sidecar"}': '0x60' },
    firesAt: '50m',
    labels: { job: 'plumbline-sidecar', instance: 'a' },
  },
  {
    alert: 'PlumblineSidecarDown',
    series: { 'up{job="other"}': '0x60' },
    silentAt: '50m',
  },
  {
    alert: 'PlumblineSidecarStuck',
    series: { plumbline_metrics_age_seconds: '0x4 9x9' },
    silentAt: '4m',
    firesAt: '6m',
  },
  {
    alert: 'PlumblineStoreAway',
    series: { plumbline_store_connected: '1x4 0x9' },
    silentAt: '5m',
    firesAt: '7m',
  },
  {
    alert: 'PlumblineUnavailable',
    series: {
      'plumbline_values_total{view="spend",status="UNAVAILABLE"}': '0x9 60+60x20',
      'plumbline_values_total{view="spend",status="PRESENT"}': '0+600x30',
    },
    silentAt: '9m',
    firesAt: '18m',
    labels: { view: 'spend' },
  },
  {
    alert: 'PlumblineShedsRequests',
    series: {
      'plumbline_shed_requests_total{reason="late"}': '0x9 60+60x20',
      'plumbline_requests_total{code="200"}': '0+600x30',
    },
    silentAt: '9m',
    firesAt: '18m',
    labels: { instance: 'a' },
  },
  {
    alert: 'PlumblineEventLoopLate',
    series: {
      'plumbline_event_loop_delay_seconds_bucket{le="0.05"}': '0+100x9 900x20',
      'plumbline_event_loop_delay_seconds_bucket{le="0.25"}': '0+100x30',
      'plumbline_event_loop_delay_seconds_bucket{le="+Inf"}': '0+100x30',
    },
    silentAt: '9m',
    firesAt: '18m',
    labels: { instance: 'a' },
  },
  {
    alert: 'PlumblineRowsUnreadable',
    series: { 'plumbline_unreadable_rows_total{view="spend"}': '0x9 3x9' },
    silentAt: '9m',
    firesAt: '11m',
  },
  {
    alert: 'PlumblineBundleRefused',
    series: { plumbline_bundle_refused: '0x4 1x12' },
    silentAt: '9m',
    firesAt: '11m',
  },
  {
    alert: 'PlumblineBundleOriginsDown',
    series: { plumbline_bundle_origins_down: '0x4 1x12' },
    silentAt: '9m',
    firesAt: '11m',
  },
  {
    alert: 'PlumblineBundlesDiffer',
    series: {
      'plumbline_bundle_info{project="shop",bundle="one"}': '1x60',
      'plumbline_bundle_info{project="shop",bundle="two"}': '_x9 1x50',
    },
    silentAt: '38m',
    firesAt: '42m',
    labels: { project: 'shop' },
  },
  {
    alert: 'PlumblineSlowTransport',
    series: { 'plumbline_build_info{transport="node"}': '1x20' },
    silentAt: '9m',
    firesAt: '11m',
  },
  {
    alert: 'PlumblineClockStepped',
    series: { plumbline_clock_offset_seconds: '0x9 60x9' },
    silentAt: '9m',
    firesAt: '12m',
  },
  {
    alert: 'PlumblineHeapNearlyFull',
    series: {
      nodejs_heap_size_used_bytes: '50x4 90x30',
      nodejs_heap_size_limit_bytes: '100x40',
      plumbline_build_info: '1x40',
    },
    silentAt: '14m',
    firesAt: '16m',
  },
  {
    alert: 'PlumblineDescriptorsShort',
    series: { process_open_fds: '50x4 90x30', process_max_fds: '100x40', plumbline_build_info: '1x40' },
    silentAt: '9m',
    firesAt: '11m',
  },
  {
    alert: 'PlumblineFunctionsLost',
    series: { plumbline_on_demand_lost_processes_total: '0x9 1x9' },
    silentAt: '9m',
    firesAt: '11m',
  },
  {
    alert: 'PlumblineOtherEngine',
    series: { 'plumbline_on_demand_other_engine{view="trip"}': '1x20' },
    silentAt: '9m',
    firesAt: '11m',
  },
  {
    alert: 'PlumblineLinesLost',
    series: { plumbline_stderr_lines_dropped_total: '0x9 5x9' },
    silentAt: '9m',
    firesAt: '11m',
  },
  {
    alert: 'PlumblinePartitionUnheld',
    series: { [`${PARTITION}_noted_timestamp_seconds{view="spend",partition="3"}`]: '0x20' },
    silentAt: '3m',
    firesAt: '5m',
    labels: { view: 'spend', partition: '3' },
  },
  {
    alert: 'PlumblinePartitionLags',
    series: {
      [`${PARTITION}_watermark_timestamp_seconds{view="spend",partition="3"}`]: '0x30',
      'plumbline_view_freshness_alert_seconds{view="spend"}': '600x30',
    },
    silentAt: '10m',
    firesAt: '12m',
    labels: { view: 'spend', partition: '3' },
  },
  {
    alert: 'PlumblineStreamLateEvents',
    series: { [`${PARTITION}_late_events_total{view="spend",partition="3"}`]: '0x9 5x9' },
    silentAt: '9m',
    firesAt: '11m',
  },
  {
    alert: 'PlumblineStreamEdgesDue',
    series: {
      [`${PARTITION}_due_edges{view="spend",partition="3"}`]: '4x20',
      [`${PARTITION}_noted_timestamp_seconds{view="spend",partition="3"}`]: '0+60x20',
    },
    silentAt: '4m',
    firesAt: '6m',
  },
];

interface Groups {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Record<string, unknown>[] }[];
}

const groups = (): Groups['groups'] =>
  RULES.flatMap((file) => (parse(readFileSync(file, 'utf8')) as Groups).groups);

test('the rules are well formed, their templates too', () => {
  expect(execFileSync(promtool, ['check', 'rules', ...RULES], { encoding: 'utf8' })).toContain('SUCCESS');
});

test('each rule has a case', () => {
  const alerts = groups().flatMap(({ rules }) =>
    rules.flatMap(({ alert }) => (alert === undefined ? [] : [alert])),
  );
  expect([...new Set(CASES.map(({ alert }) => alert))].toSorted()).toEqual(alerts.toSorted());
});

test.each(CASES)(
  '$alert (silent at $silentAt, fires at $firesAt)',
  ({ alert, series, silentAt, firesAt, labels: given }) => {
    // Without annotations, whose texts would have to be repeated here.
    const bare = groups().map(({ name, rules }) => ({
      name,
      rules: rules.map((rule) => ({ ...rule, annotations: undefined })),
    }));
    const { labels } = groups()
      .flatMap(({ rules }) => rules)
      .find((rule) => rule['alert'] === alert)!;
    const folder = scratchFolder({ 'rules.yaml': JSON.stringify({ groups: bare }) });
    const own = given ?? { ...labelsOf(Object.keys(series)[0]!), instance: 'a' };
    const fires = [{ exp_labels: { ...(labels as object), ...own } }];
    const input = Object.entries(series).map(([name, values]) => ({
      series: seriesOf(name),
      values,
    }));
    const cases = {
      rule_files: ['rules.yaml'],
      evaluation_interval: '1m',
      tests: [
        {
          interval: '1m',
          input_series: input,
          alert_rule_test: [
            ...(silentAt === undefined ? [] : [{ eval_time: silentAt, alertname: alert, exp_alerts: [] }]),
            ...(firesAt === undefined ? [] : [{ eval_time: firesAt, alertname: alert, exp_alerts: fires }]),
          ],
        },
      ],
    };
    writeFileSync(join(folder, 'cases.yaml'), JSON.stringify(cases));
    const said = execFileSync(promtool, ['test', 'rules', 'cases.yaml'], { cwd: folder, encoding: 'utf8' });
    expect(said).toContain('SUCCESS');
  },
);

function seriesOf(name: string): string {
  if (name.includes('instance=')) return name;
  return name.includes('{') ? name.replace('{', '{instance="a",') : `${name}{instance="a"}`;
}

/** Labels of a series as promtool writes it: `metric{name="value"}`. */
function labelsOf(series: string): Record<string, string> {
  return Object.fromEntries([...series.matchAll(/(\w+)="(\w+)"/g)].map(([, name, value]) => [name!, value!]));
}

test('the metrics of the monitor are as Prometheus wants metrics', () => {
  const service = { snapshot: badDay(), lastRunUs: 1_795_262_400_000_000, openAlerts: { page: 1, note: 0 } };
  const text = verdictMetrics([service], { slack: true });
  const said = execFileSync(promtool, ['check', 'metrics'], { input: text, encoding: 'utf8' });
  expect(said).toBe('');
});
