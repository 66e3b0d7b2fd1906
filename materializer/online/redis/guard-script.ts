/**
 * The guarded write as Redis runs it: one script call a row, atomic, on one key.
 *
 *   KEYS[1]  the entity's hash
 *   ARGV     field | row | definition ids it supersedes, 4 bytes each, big endian | expires in ms or '' | mode
 *   answer   index into OUTCOMES of `guard-outcome.ts`, whose rule this is
 *
 * Bytes are compared one by one: Lua's `<` on strings follows the server's locale, and was measured wrong in 45 % of
 * pairs under en_US.UTF-8. `==` on strings compares bytes.
 *
 * Expiry:
 *   - A key with a row that never expires never expires, even when that row was there before.
 *   - Otherwise the expiry is raised and never lowered, also by a row that is there already: its view may keep rows
 *     longer by now.
 *   - A key without an expiry keeps none, since another view's row needs it, unless all its rows are tombstones, which
 *     say that there is nothing. A user who may not read them all (HVALS) leaves such keys for ever.
 */
import { createHash } from 'node:crypto';
import {
  HEADER_BYTES,
  MAX_WRITTEN_MS,
  ORDER_FROM,
  ORDER_TO,
  US_TIME_LIMIT,
  US_TIMES,
  WRITTEN_AT,
} from '../../../contract/wire/online/row-header.ts';
import { OUTCOMES } from '../guard-outcome.ts';
import type { WriteCounts } from '../guard-outcome.ts';
import type { OnlineRow, WriteOptions } from '../online-writer.ts';

const code = (outcome: (typeof OUTCOMES)[number]): number => OUTCOMES.indexOf(outcome);

/** `hasRowTimes` of `stored`, which has at least a header. */
const HAS_ROW_TIMES = `
local function has_row_times(stored)
  for _, at in ipairs({ ${US_TIMES.map((at) => at + 1).join(', ')} }) do
    if string.byte(stored, at) >= ${US_TIME_LIMIT} then return false end
  end
  local written = 0
  for i = ${WRITTEN_AT + 1}, ${HEADER_BYTES} do written = written * 256 + string.byte(stored, i) end
  return written <= ${MAX_WRITTEN_MS}
end`;

export const GUARD_SCRIPT = `${HAS_ROW_TIMES}
local row, expires = ARGV[2], ARGV[4]
local stored = redis.call('HGET', KEYS[1], ARGV[1])
local outcome = ${code('written')}
if stored and ARGV[5] ~= 'replace' and #stored >= ${HEADER_BYTES} and has_row_times(stored) then
  local id = string.sub(stored, 1, 4)
  if id == string.sub(row, 1, 4) then
    outcome = ${code('equal')}
    for i = ${ORDER_FROM + 1}, ${ORDER_TO} do
      local old, new = string.byte(stored, i), string.byte(row, i)
      if old ~= new then
        if new > old then outcome = ${code('written')} else outcome = ${code('older')} end
        break
      end
    end
    local values = ${HEADER_BYTES + 1}
    if outcome == ${code('equal')} and string.sub(stored, values) ~= string.sub(row, values) then
      outcome = ${code('conflict')}
    end
  else
    outcome = ${code('superseded')}
    for i = 1, #ARGV[3], 4 do
      if string.sub(ARGV[3], i, i + 3) == id then outcome = ${code('written')} break end
    end
  end
end
if outcome == ${code('superseded')} then return outcome end
local writes = outcome == ${code('written')} or outcome == ${code('conflict')}
if expires == '' then
  if writes then redis.call('HSET', KEYS[1], ARGV[1], row) end
  redis.call('PERSIST', KEYS[1])
elseif writes or outcome == ${code('equal')} then
  local left = redis.call('PTTL', KEYS[1])
  if writes then redis.call('HSET', KEYS[1], ARGV[1], row) end
  if left == -1 and #row == ${HEADER_BYTES} then
    local rows = redis.pcall('HVALS', KEYS[1])
    if rows.err == nil then
      left = -2
      for _, other in ipairs(rows) do if #other > ${HEADER_BYTES} then left = -1 end end
    end
  end
  if left == -2 or (left >= 0 and left < tonumber(expires)) then redis.call('PEXPIRE', KEYS[1], expires) end
end
return outcome
`;

export const GUARD_SHA = createHash('sha1').update(GUARD_SCRIPT).digest('hex');

/** All that a call has beside its key and its row: the same of most rows of a view. */
interface GuardShape {
  readonly field: Buffer;
  readonly superseded: Buffer;
  readonly expires: string;
  readonly mode: 'guard' | 'replace';
  /** What stands between the key and the length of the row, and behind the row, as it goes down the wire. */
  readonly before: Buffer;
  readonly after: Buffer;
  /** At most so many bytes of a call are neither key nor row. */
  readonly most: number;
}

export interface GuardedRow {
  readonly key: string;
  readonly row: Buffer;
  readonly shape: GuardShape;
}

/** Makes the shapes, each once. */
export class GuardShapes {
  readonly #fieldOf: (view: string) => Buffer;
  #last: GuardShape | null = null;
  #lastRow: OnlineRow | null = null;
  #lastMode: GuardShape['mode'] = 'guard';

  constructor(fieldOf: (view: string) => Buffer) {
    this.#fieldOf = fieldOf;
  }

  of(row: OnlineRow, options: WriteOptions): GuardShape {
    const mode = options.replace ? 'replace' : 'guard';
    const last = this.#lastRow;
    if (
      this.#last === null ||
      last === null ||
      last.view !== row.view ||
      last.superseded !== row.superseded ||
      last.expiresInMs !== row.expiresInMs ||
      this.#lastMode !== mode
    ) {
      this.#last = shapeOf(this.#fieldOf(row.view), row, mode);
      this.#lastRow = row;
      this.#lastMode = mode;
    }
    return this.#last;
  }
}

const CALL_HEAD = `*9\r\n$7\r\nEVALSHA\r\n$40\r\n${GUARD_SHA}\r\n$1\r\n1\r\n$`;
/** Two lengths of at most ten digits, each with its end of line, and that of the key. */
const LENGTHS = 26;

function shapeOf(field: Buffer, row: OnlineRow, mode: GuardShape['mode']): GuardShape {
  const superseded = idBytes(row.superseded);
  const expires = row.expiresInMs === null ? '' : String(row.expiresInMs);
  const before = Buffer.concat([Buffer.from('\r\n'), bulk(field), Buffer.from('$')]);
  const after = Buffer.concat([Buffer.from('\r\n'), bulk(superseded), bulk(expires), bulk(mode)]);
  const most = CALL_HEAD.length + before.length + after.length + LENGTHS;
  return { field, superseded, expires, mode, before, after, most };
}

function bulk(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]);
}

function idBytes(ids: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(ids.length * 4);
  ids.forEach((id, i) => bytes.writeUInt32BE(id, i * 4));
  return bytes;
}

/**
 * Writes a call as it goes down the wire.
 *
 * @param out  with room for the key in UTF-8, the row and `shape.most`
 * @returns    where the call ends
 */
export function guardCommand(out: Buffer, from: number, { key, row, shape }: GuardedRow): number {
  const { before, after } = shape;
  const keyBytes = Buffer.byteLength(key);
  let at = from;
  // Most keys are ASCII: one write has them all.
  if (keyBytes === key.length) at += out.write(`${CALL_HEAD}${keyBytes}\r\n${key}`, at, 'latin1');
  else {
    at += out.write(`${CALL_HEAD}${keyBytes}\r\n`, at, 'latin1');
    at += out.write(key, at);
  }
  out.set(before, at);
  at += before.length;
  at += out.write(`${row.length}\r\n`, at, 'latin1');
  out.set(row, at);
  at += row.length;
  out.set(after, at);
  return at + after.length;
}

/** @returns the arguments of a call, after the script's name or hash */
export function argumentsOf({ key, row, shape }: GuardedRow): (string | Buffer | number)[] {
  return [1, key, shape.field, row, shape.superseded, shape.expires, shape.mode];
}

/** Counts one answer of the script. */
export function countAnswer(counts: WriteCounts, answer: unknown): void {
  const outcome = OUTCOMES[answer as number];
  if (outcome === undefined) throw new TypeError(`the guard script answered ${String(answer)}`);
  counts[outcome] += 1;
}
