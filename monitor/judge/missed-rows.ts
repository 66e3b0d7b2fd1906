/**
 * The oldest row that each vector missed, by SQL: what `causes/missed-row.ts` says of one vector, for all of a day.
 *
 *   base   where a vector stands: the pair of the row it was served; without one that of the last tombstone it may have
 *          seen; raised to the oldest time that its TTL lets the replay see
 *   rows   the first row after the base, by an ASOF join
 *
 * Vectors that were served the replayed row, or a later one, missed none: they are left out before.
 *
 * A pair (event, created) is one number here, `event * 2^53 + created`; a row without a created time has 0 there.
 */

const PAIR = '::HUGEINT * 9007199254740992';

/** The times of a row as one number; of a served row without created time that after all of its event. */
export function pairSql(event: string, created: string, without: 0 | 'last'): string {
  return `(${event}${PAIR} + coalesce(${created}, ${without === 0 ? 0 : 9_007_199_254_740_991}))`;
}

/**
 * @param keys  how many join keys there are
 * @param base  FROM item with a row a vector: vid, k0 and so on, definition, served_us, ttl_us; pair and trained_pair,
 *              null where nothing was served or replayed
 * @returns     a SELECT of vid and the missed row's event_us, created_us, run_id, definition_id, deleted
 */
export function missedSql(keys: number, base: string): string {
  const of = [...Array.from({ length: keys }, (_, i) => `k${i}`), 'definition'];
  const on = (left: string): string => of.map((name) => `${left}.${name} = e.${name}`).join(' AND ');
  return `WITH b AS MATERIALIZED (SELECT * FROM ${base} WHERE trained_pair > coalesce(pair, -1)),
    e AS MATERIALIZED (SELECT ${of.join(', ')}, pair, any_value(event_us) AS event_us,
      any_value(created_us) AS created_us, max(run_id) AS run_id, max(definition_id) AS definition_id,
      bool_and(deleted) AS deleted FROM replay_rows SEMI JOIN b USING (${of.join(', ')}) GROUP BY ALL),
    gone AS (SELECT b.vid, max(e.pair) AS pair FROM b JOIN e ON ${on('b')}
      WHERE b.pair IS NULL AND e.deleted AND e.pair <= b.trained_pair GROUP BY b.vid),
    l AS (SELECT b.* EXCLUDE (pair), greatest(coalesce(b.pair, gone.pair, -1),
      coalesce((b.served_us - b.ttl_us)${PAIR} - 1, -1)) AS pair FROM b LEFT JOIN gone ON gone.vid = b.vid)
    SELECT l.vid, e.event_us, e.created_us, e.run_id, e.definition_id, e.deleted
    FROM l ASOF JOIN e ON ${on('l')} AND l.pair < e.pair WHERE l.trained_pair > l.pair`;
}
