/** The gates of a deploy. Each prints what it found, and exits with 1 when it is not met. */
import type { CommandContext, ExitCode } from '../../project/command.ts';
import { printResult } from '../../project/command.ts';
import { RegistryDatabase } from '../../project/database/registry-database.ts';
import { projectOf } from '../../project/project.ts';
import { parseDuration } from '../../contract/std/duration.ts';
import { renderTable } from '../../contract/std/text-table.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { materializerError } from '../errors.ts';
import { timeOf } from '../time-option.ts';
import { untilStopped } from '../until-stopped.ts';
import { warmService } from './warm-gate.ts';
import type { WarmGate } from './warm-gate.ts';
import { waitForService } from './wait-gate.ts';
import type { WaitGate } from './wait-gate.ts';

interface WaitFlags {
  readonly service: string;
  readonly asOf: string;
  readonly timeout: string;
}

export async function waitUntilMaterialized(context: CommandContext, flags: WaitFlags): Promise<ExitCode> {
  const project = projectOf(context);
  const asOfUs = timeOf('as-of', flags.asOf);
  const timeoutUs = parseDuration(flags.timeout);
  if (timeoutUs === null)
    throw materializerError('MAT_GATE', `--timeout: expected a duration such as 10m, got ${flags.timeout}`, {
      field: 'timeout',
    });
  const gate = await untilStopped((signal) =>
    RegistryDatabase.using(project.settings.registry, (database) =>
      waitForService(project, database, { service: flags.service, asOfUs, timeoutUs, signal }),
    ),
  );
  await printResult(context, waitToJson(gate), () => renderWait(gate));
  return gate.met ? 0 : 1;
}

interface WarmFlags {
  readonly service: string;
  readonly share: string;
}

export async function tellWarm(context: CommandContext, flags: WarmFlags): Promise<ExitCode> {
  const percent = /^(\d{1,3}(?:\.\d+)?)%$/.exec(flags.share);
  const share = Number(percent?.[1] ?? Number.NaN) / 100;
  if (!(share <= 1))
    throw materializerError('MAT_GATE', `--share: expected a share such as 95%, got ${flags.share}`, {
      field: 'share',
    });
  const gate = await warmService(projectOf(context), flags.service, share);
  const features = gate.features.map(({ fullFromUs, ...feature }) => ({
    ...feature,
    fullFrom: fullFromUs === null ? null : formatTimestamp(fullFromUs),
  }));
  await printResult(context, { ...gate, features }, () => renderWarm(gate, flags.share));
  return gate.met ? 0 : 1;
}

function renderWarm({ service, met, features }: WarmGate, share: string): string {
  const rows = features.map(({ feature, live, online, warm, fullFromUs }) => [
    feature,
    ...[live, online, warm].map(String),
    live === 0 ? '-' : `${((100 * warm) / live).toFixed(1)} %`,
    fullFromUs === null ? '-' : shortTime(fullFromUs),
  ]);
  const head = ['feature', 'live entities', 'online', 'warm', 'share', 'full from'];
  const table = renderTable(head, rows, ['left', 'right', 'right', 'right', 'right', 'left']);
  return `${table}\n\n${service} is ${met ? '' : 'not '}warm for ${share} of its live entities in every feature.`;
}

function waitToJson({ service, asOfUs, met, views }: WaitGate): object {
  return {
    service,
    asOf: formatTimestamp(asOfUs),
    met,
    views: views.map(({ view, met: own, watermarkUs, onlineUs, reason }) => ({
      view,
      met: own,
      watermark: watermarkUs === null ? null : formatTimestamp(watermarkUs),
      online: onlineUs === null ? null : formatTimestamp(onlineUs),
      reason,
    })),
  };
}

function renderWait({ service, asOfUs, met, views }: WaitGate): string {
  const rows = views.map(({ view, watermarkUs, onlineUs, reason }) => [
    view,
    ...[watermarkUs, onlineUs].map((us) => (us === null ? '-' : shortTime(us))),
    reason ?? 'past it',
  ]);
  const table = renderTable(['view', 'complete up to', 'online up to', ''], rows, [
    'left',
    'left',
    'left',
    'left',
  ]);
  const asOf = shortTime(asOfUs);
  return `${table}\n\n${service} is ${met ? '' : 'not '}materialized past ${asOf}.`;
}

function shortTime(us: number): string {
  return formatTimestamp(us).replace('.000000', '');
}
