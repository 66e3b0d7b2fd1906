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
 * Expiry: a key that holds a row that never expires must not either, even when the row itself was already there; else
 * the expiry is raised and never lowered, and a key that stands without one keeps none: another view's row is why.
 */
import { HEADER_BYTES, ORDER_FROM, ORDER_TO } from '../../registry/wire/row-header.ts';
import { OUTCOMES } from './guard-outcome.ts';
import type { WriteCounts } from './guard-outcome.ts';
import type { OnlineRow, WriteOptions } from './online-writer.ts';

const code = (outcome: (typeof OUTCOMES)[number]): number => OUTCOMES.indexOf(outcome);

export const GUARD_SCRIPT = `
local row, expires = ARGV[2], ARGV[4]
local stored = redis.call('HGET', KEYS[1], ARGV[1])
local outcome = ${code('written')}
if stored and #stored >= ${HEADER_BYTES} and ARGV[5] ~= 'replace' then
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
elseif writes then
  local left = redis.call('PTTL', KEYS[1])
  redis.call('HSET', KEYS[1], ARGV[1], row)
  if left == -2 or (left >= 0 and left < tonumber(expires)) then redis.call('PEXPIRE', KEYS[1], expires) end
end
return outcome
`;

/** The arguments of one call, after the script's name or hash. */
export type GuardArguments = readonly [keys: 1, key: string, ...argv: (string | Buffer)[]];

/** Makes the arguments of guarded writes; fields and lists of superseded ids are made once and shared. */
export class GuardCall {
  readonly #fields = new Map<string, Buffer>();
  readonly #superseded = new WeakMap<readonly number[], Buffer>();
  readonly #fieldOf: (view: string) => Buffer;

  constructor(fieldOf: (view: string) => Buffer) {
    this.#fieldOf = fieldOf;
  }

  argumentsOf(row: OnlineRow, options: WriteOptions): GuardArguments {
    let field = this.#fields.get(row.view);
    if (field === undefined) {
      field = this.#fieldOf(row.view);
      this.#fields.set(row.view, field);
    }
    let superseded = this.#superseded.get(row.superseded);
    if (superseded === undefined) {
      superseded = idBytes(row.superseded);
      this.#superseded.set(row.superseded, superseded);
    }
    const expires = row.expiresInMs === null ? '' : String(row.expiresInMs);
    return [1, row.key, field, row.row, superseded, expires, options.replace ? 'replace' : 'guard'];
  }
}

function idBytes(ids: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(ids.length * 4);
  ids.forEach((id, i) => bytes.writeUInt32BE(id, i * 4));
  return bytes;
}

/** Counts one answer of the script. */
export function countAnswer(counts: WriteCounts, answer: unknown): void {
  const outcome = OUTCOMES[answer as number];
  if (outcome === undefined) throw new TypeError(`the guard script answered ${String(answer)}`);
  counts[outcome] += 1;
}
