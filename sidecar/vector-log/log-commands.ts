/** The commands `plumb log cat`, `log verify` and `log status`, for people and scripts. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandContext, ExitCode } from '../../project/command.ts';
import { countText } from '../../contract/std/count-text.ts';
import { printResult } from '../../project/command.ts';
import { projectOf } from '../../project/project.ts';
import { spoolConsumers } from '../../project/settings/settings.ts';
import { walkSpool } from '../../contract/wire/log/spool-walk.ts';
import { decodeRecord } from '../../contract/wire/log/served-decoder.ts';
import type { ShedRange } from '../../contract/wire/log/served-record.ts';
import type { SpoolGap, WalkedRecord } from '../../contract/wire/log/spool-item.ts';
import { catLog, gapText } from './log-cat.ts';
import { renderStatus, statusOfLog } from './log-status.ts';

/** One JSON object a served request, one to a line, whether `--json` is given or not. */
export async function logCat(context: CommandContext): Promise<ExitCode> {
  const { log, bundles } = projectOf(context).settings;
  const warn = (line: string): void => context.logger.warn(line);
  for await (const line of catLog({ spool: log.spool, bundles, warn })) {
    await context.print(JSON.stringify(line));
  }
  return 0;
}

/** Checks every frame; exit code 1 when records are missing or damaged. What was shed is known, and is told. */
export async function logVerify(context: CommandContext): Promise<ExitCode> {
  const state = verifyLog(projectOf(context).settings.log.spool);
  await printResult(context, state, () => renderVerify(state));
  return state.gaps.length > 0 ? 1 : 0;
}

/** The state of the spool, without reading all of it. */
export async function logStatus(context: CommandContext): Promise<ExitCode> {
  const { settings, clock } = projectOf(context);
  const status = await statusOfLog(settings.log.spool, spoolConsumers(settings.log));
  await printResult(context, status, () => renderStatus(status, clock.nowUs()));
  return 0;
}

interface LogEpoch {
  readonly epoch: string;
  /** null when every header of the epoch is damaged. */
  readonly pod: string | null;
  readonly records: number;
  readonly lastSequence: number;
  /** Whether its last record is there; without one the sidecar still runs, or died: an open tail. */
  readonly closed: boolean;
  /**
   * The most numbers that can be missing at the end of an open tail: the most numbers between any two of its
   * heartbeats, less those since the last one. It holds if the sidecar ended before its next heartbeat was due, and
   * was never faster before. 0: closed; null: there were not two heartbeats.
   */
  readonly lossAtMost: number | null;
  /** Requests that were answered and not logged, as its heartbeats tell. */
  readonly shed: number;
  /** The numbers of those. */
  readonly shedRanges: readonly ShedRange[];
}

export interface LogState {
  readonly segments: number;
  /** Served requests. */
  readonly records: number;
  /** Of all segment files. */
  readonly bytes: number;
  readonly tornBytes: number;
  readonly gaps: readonly SpoolGap[];
  readonly epochs: readonly LogEpoch[];
}

/** Reads every frame of a spool; nothing but heartbeats and parts is decoded. */
export function verifyLog(spool: string): LogState {
  const gaps: SpoolGap[] = [];
  const epochs: OpenEpoch[] = [];
  let segments = 0;
  let bytes = 0;
  let tornBytes = 0;
  for (const item of walkSpool(spool)) {
    if (item.kind === 'record') {
      const epoch = epochs.at(-1)!;
      if (item.content === 'served') epoch.records += 1;
      epoch.closed = item.content === 'last';
      epoch.lastSequence = Math.max(epoch.lastSequence, item.sequence);
      if (item.content !== 'served') takeShed(epoch, item);
      if (item.content === 'heartbeat') {
        epoch.beatStep = Math.max(epoch.beatStep, item.sequence - epoch.beat);
        epoch.beat = item.sequence;
      }
    } else if (item.kind === 'segment') {
      segments += 1;
      bytes += statSync(join(spool, item.segment), { throwIfNoEntry: false })?.size ?? 0;
      const epoch = epochs.at(-1);
      if (epoch?.epoch === item.epoch) epoch.pod ??= item.pod;
      else epochs.push({ ...NEW_EPOCH, epoch: item.epoch, pod: item.pod });
    } else if (item.kind === 'torn') tornBytes += item.bytes;
    else gaps.push(item.gap);
  }
  const records = epochs.reduce((sum, epoch) => sum + epoch.records, 0);
  return { segments, records, bytes, tornBytes, gaps, epochs: epochs.map(epochOf) };
}

interface OpenEpoch {
  readonly epoch: string;
  pod: string | null;
  records: number;
  lastSequence: number;
  closed: boolean;
  /** Number of the newest heartbeat, and the most numbers from one to the next. */
  beat: number;
  beatStep: number;
  shed: number;
  shedRanges: readonly ShedRange[];
}

const NEW_EPOCH = {
  records: 0,
  lastSequence: 0,
  closed: false,
  beat: 0,
  beatStep: 0,
  shed: 0,
  shedRanges: [],
};

function epochOf({ beat, beatStep, ...told }: OpenEpoch): LogEpoch {
  const open = beat === 0 ? null : Math.max(0, beatStep - (told.lastSequence - beat));
  return { ...told, lossAtMost: told.closed ? 0 : open };
}

/** What a heartbeat or a last record tells of: all that was shed so far, and numbers that no earlier one named. */
function takeShed(epoch: OpenEpoch, { buffer, from, to }: WalkedRecord): void {
  const record = decodeRecord(buffer.subarray(from, to));
  if (record.kind !== 'heartbeat' && record.kind !== 'last') return;
  epoch.shed = record.heartbeat.shed;
  epoch.shedRanges = [...epoch.shedRanges, ...record.heartbeat.ranges];
}

/** Why requests were shed, by the codes SHED_... */
const SHED_REASONS = [
  'they could not be encoded',
  'the spool was full',
  'its disk took no more',
  'their records were too large',
];

function shedText({ epoch, pod, shed, shedRanges }: LogEpoch): string {
  const of = `epoch ${epoch} of ${pod ?? 'an unknown pod'}`;
  const count = countText(shed, 'answered request');
  const [first, last] = [shedRanges[0], shedRanges.at(-1)];
  if (first === undefined || last === undefined) return `${of}: ${count} not logged`;
  const reasons = [...new Set(shedRanges.map(({ reason }) => SHED_REASONS[reason] ?? SHED_REASONS[0]!))];
  return `${of}: ${count} not logged, of numbers ${first.fromSequence} to ${last.toSequence}, since ${reasons.join(', and ')}`;
}

function renderVerify(state: LogState): string {
  const lines = [
    `${countText(state.records, 'served request')} in ${countText(state.segments, 'segment')}, ${countText(state.bytes, 'byte')}`,
  ];
  if (state.tornBytes > 0)
    lines.push(`${state.tornBytes} bytes are torn at a tail: they were never answered`);
  for (const { epoch, pod, closed, lossAtMost } of state.epochs) {
    if (closed) continue;
    const bound =
      lossAtMost === null
        ? 'how many are missing behind its last number nobody can tell, since it ended before its first heartbeat'
        : `behind its last number at most ${lossAtMost} can be missing`;
    const of = pod ?? 'an unknown pod';
    lines.push(
      `epoch ${epoch} of ${of} has no last record: it runs, was killed, or its disk took none; ${bound}`,
    );
  }
  lines.push(...state.epochs.filter(({ shed }) => shed > 0).map(shedText), ...state.gaps.map(gapText));
  const open = state.epochs.filter(({ closed }) => !closed).length;
  const shed = state.epochs.reduce((sum, epoch) => sum + epoch.shed, 0);
  const lacks = [
    ...(open === 0 ? [] : [countText(open, 'open tail')]),
    ...(shed === 0 ? [] : [`${countText(shed, 'answered request')} not logged`]),
  ];
  const whole = lacks.length === 0 ? 'whole' : `whole but for ${lacks.join(' and ')}`;
  lines.push(state.gaps.length === 0 ? whole : countText(state.gaps.length, 'gap'));
  return lines.join('\n');
}
