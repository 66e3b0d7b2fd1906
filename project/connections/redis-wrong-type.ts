/**
 * Keys of ours that hold something else than a hash: another program, or somebody by hand, wrote there. Redis refuses
 * whatever is asked of such a key, and its own words name neither the key nor a way out.
 */
import { visibleText } from '../../contract/std/visible-text.ts';

/** So many keys are named. */
const SHOWN = 10;

/** Redis before 7 puts what a script met behind words of its own. */
export function isWrongType(error: Error): boolean {
  return error.message.includes('WRONGTYPE');
}

/**
 * @param keys   at least one, each once
 * @param count  of all such keys, where not all are given
 * @returns      which keys they are, and what to do
 */
export function wrongTypeText(keys: readonly string[], count = keys.length): string {
  const shown = keys.slice(0, SHOWN);
  const names = shown.map((key) => visibleText(key)).join(', ');
  const more = count > shown.length ? ` and ${count - shown.length} more` : '';
  const [what, them] = count === 1 ? ['the key', 'it'] : ['the keys', 'them'];
  const are = count === 1 ? 'holds something else than the hash' : 'hold something else than the hashes';
  return (
    `${what} ${names}${more} ${are} that plumb keeps there: delete ${them} (redis-cli DEL KEY), ` +
    'then run `plumb materialize --full`'
  );
}
