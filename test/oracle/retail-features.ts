/**
 * The retail example's features a second time, straight from the raw invoices: for one moment, without days moved,
 * prepared columns, tiles, history or hops. Written apart from `examples/retail/prepare.ts` and the materializer, from
 * what the features are said to mean; it shares the words of the categories with nobody.
 *
 * Slow and plain on purpose: one filter for each window, decimals for money.
 */
import { quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb, SqlRow } from '../../project/engine/duckdb/duckdb.ts';

interface RetailMoment {
  /** The raw file. */
  readonly raw: string;
  /** Invoices before this count. In the data's own time, microseconds; so are all times here. */
  readonly edgeUs: number;
  /** Lines loaded up to and including this count: the loader has a line two minutes after its invoice ... */
  readonly knownUs: number;
  /** ... unless its branch was late: lines of that country from `fromUs` on are loaded `byUs` later. */
  readonly late?: readonly { readonly country: string; readonly fromUs: number; readonly byUs: number }[];
}

const CATEGORY_WORDS: readonly (readonly [string, string])[] = [
  ['christmas', 'CHRISTMAS XMAS ADVENT REINDEER SANTA SNOW'],
  ['bags', '<BAG SHOPPER PURSE SUITCASE'],
  ['lighting', 'LIGHT CANDLE LANTERN LAMP'],
  ['kitchen', 'MUG CUP PLATE BOWL TEA CAKE BAKING KITCHEN JAR SPOON CUTLERY LUNCH BOTTLE APRON TRAY EGG'],
  ['stationery', 'CARD WRAP PAPER PEN NOTEBOOK STICKER TAPE CHALK RIBBON BUNTING'],
  ['toys', 'TOY DOLL GAME PLAYHOUSE SPINNING SKIPPING PUZZLE CHILDREN'],
  ['garden', 'GARDEN FLOWER PLANT HERB BIRD WATERING'],
  ['jewellery', 'NECKLACE EARRING BRACELET <RING> BROOCH'],
  ['decoration', 'HEART SIGN FRAME CLOCK MIRROR CUSHION HANGING DECORATION ORNAMENT DOORMAT HOOK DRAWER'],
];

/** A customer's row: `customer_id` and the features by their names; money as double, counts bigint, times epoch us. */
export function customerFeatures(duck: DuckDb, moment: RetailMoment): Promise<SqlRow[]> {
  return duck.rows(`
    WITH goods AS (${goods(moment)} AND customer_id IS NOT NULL),
    orders AS (
      SELECT customer_id, invoice_no, sum(total) AS value, ${days('min(us)', moment)} AS days
      FROM goods WHERE NOT cancelled GROUP BY customer_id, invoice_no),
    favorites AS (
      SELECT customer_id, category, count(*) AS lines,
        row_number() OVER (PARTITION BY customer_id ORDER BY count(*) DESC, category) AS place
      FROM goods WHERE NOT cancelled AND category IS NOT NULL GROUP BY customer_id, category)
    SELECT c.customer_id::BIGINT AS customer_id,
      (SELECT count(*) FROM orders o WHERE o.customer_id = c.customer_id AND days <= 7) AS purchase_count_7d,
      (SELECT count(*) FROM orders o WHERE o.customer_id = c.customer_id AND days <= 30) AS purchase_count_30d,
      (SELECT sum(value)::DOUBLE / count(*) FROM orders o WHERE o.customer_id = c.customer_id AND days <= 30)
        AS avg_order_value_30d,
      (SELECT sum(total)::DOUBLE FROM goods g WHERE g.customer_id = c.customer_id) AS total_spend_lifetime,
      (SELECT category FROM favorites f WHERE f.customer_id = c.customer_id AND place = 1) AS favorite_category,
      (SELECT max(us) FROM goods g WHERE g.customer_id = c.customer_id AND NOT cancelled) AS last_purchase_at
    FROM (SELECT DISTINCT customer_id FROM goods) c`);
}

/** A product's row: `stock_code` and the features by their names. */
export function productFeatures(duck: DuckDb, moment: RetailMoment): Promise<SqlRow[]> {
  return duck.rows(`
    WITH goods AS (SELECT *, ${days('us', moment)} AS days FROM (${goods(moment)}))
    SELECT p.stock_code,
      (SELECT coalesce(sum(quantity), 0)::BIGINT FROM goods g WHERE g.stock_code = p.stock_code AND days <= 7)
        AS units_sold_7d,
      (SELECT coalesce(sum(total), 0)::DOUBLE FROM goods g WHERE g.stock_code = p.stock_code AND days <= 30)
        AS revenue_30d,
      (SELECT count(DISTINCT customer_id) FROM goods g
        WHERE g.stock_code = p.stock_code AND NOT cancelled AND days <= 30) AS buyers_30d,
      (SELECT min(unit_price) FROM goods g WHERE g.stock_code = p.stock_code AND NOT cancelled AND days <= 30)
        AS min_price_30d,
      (SELECT min(unit_price) FROM goods g WHERE g.stock_code = p.stock_code AND NOT cancelled AND us =
        (SELECT max(us) FROM goods h WHERE h.stock_code = p.stock_code AND NOT cancelled)) AS last_price
    FROM (SELECT DISTINCT stock_code FROM goods) p`);
}

/** How long ago, in days with a fraction, microsecond by microsecond: a window of n days holds what is <= n. */
function days(us: string, { edgeUs }: RetailMoment): string {
  return `(${edgeUs} - ${us})::DECIMAL(30, 0) / 86400000000`;
}

/** The lines of goods sold or taken back that are known at the moment. */
function goods({ raw, edgeUs, knownUs, late = [] }: RetailMoment): string {
  const lateUs = late.map(
    ({ country, fromUs, byUs }) =>
      ` + CASE WHEN country = ${quoteText(country)} AND us >= ${fromUs} THEN ${byUs} ELSE 0 END`,
  );
  const spaced = `' ' || regexp_replace(description, '[^0-9A-Za-z_]', ' ', 'g') || ' '`;
  const category = CATEGORY_WORDS.map(([name, words]) => {
    const holds = words.split(' ').map((word) => {
      const bare = /^<?([A-Z]+)>?$/.exec(word)![1]!;
      if (bare === word) return `contains(description, '${word}')`;
      return `contains(${spaced}, '${word.startsWith('<') ? ' ' : ''}${bare}${word.endsWith('>') ? ' ' : ''}')`;
    });
    return `WHEN ${holds.join(' OR ')} THEN '${name}'`;
  });
  return `
    SELECT * FROM (
      SELECT invoice_no, stock_code, quantity, unit_price, customer_id, country,
        invoice_no[1] = 'C' AS cancelled,
        quantity::DECIMAL(12, 0) * unit_price::DECIMAL(18, 6) AS total,
        epoch_us(invoice_date) AS us,
        CASE WHEN description IS NULL THEN NULL ${category.join(' ')} ELSE 'other' END AS category
      FROM read_parquet(${quoteText(raw)})
      WHERE stock_code SIMILAR TO '[0-9][0-9][0-9][0-9][0-9].*' AND unit_price > 0
        AND CASE WHEN invoice_no[1] = 'C' THEN quantity < 0 ELSE quantity > 0 END)
    WHERE us < ${edgeUs} AND us + 120000000${lateUs.join('')} <= ${knownUs}`;
}

/** Orders whose lines have more than one minute on them: an edge between two of them would split the order. */
export function splitOrders(duck: DuckDb, moment: RetailMoment): Promise<SqlRow[]> {
  const edges = [0, 7, 30].map((n) => `(first <= ${n} AND last > ${n}) OR (last <= ${n} AND first > ${n})`);
  return duck.rows(`
    SELECT invoice_no FROM (
      SELECT invoice_no, ${days('min(us)', moment)} AS first, ${days('max(us)', moment)} AS last
      FROM (${goods({ ...moment, edgeUs: Number.MAX_SAFE_INTEGER, knownUs: Number.MAX_SAFE_INTEGER })})
      GROUP BY invoice_no) WHERE ${edges.join(' OR ')}`);
}
