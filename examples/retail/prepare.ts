/**
 * Makes the files that the definitions read from the raw invoices, and moves their days so that the last one is a given
 * day. The rules, as a retailer would have them:
 * - Only goods count. Postage, carriage, discounts, samples, fees, vouchers and manual entries have stock codes
 *   without five leading digits (`POST`, `D`, `M`, `BANK CHARGES`, `gift_0001_20`); they are left out, and so are
 *   lines without a price or with a quantity below zero that are no cancellation (write-offs, samples).
 * - A purchase is a line of an invoice that is no cancellation: its invoice number stands in `purchase_no`, its time in
 *   `purchased_at`, its price in `sold_price`, its customer in `buyer_id`. A cancellation (`C...`, negative quantity)
 *   has nulls there, and its negative `quantity` and `line_total` reduce units, revenue and spend.
 * - `order_value`, the total of an invoice, stands on one line of each purchase, so that an average is one per order.
 * - `category` is the first of `CATEGORIES` with a word that the description holds, or `other`; null without a
 *   description and on cancellations.
 * - `loaded_at` is when the shop's loader had the line: two minutes after the invoice, unless a branch's upload was
 *   late (`lateBranches`).
 * The restaurants where its vouchers are taken are in no invoice: `restaurants.ts` makes them up.
 */
import { join } from 'node:path';
import { DuckDb, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import { quotePath, quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { layRestaurants, RESTAURANTS } from './restaurants.ts';

/** In order: the first that fits wins. */
const CATEGORIES: readonly (readonly [string, string])[] = [
  ['christmas', 'CHRISTMAS|XMAS|ADVENT|REINDEER|SANTA|SNOW'],
  ['bags', '\\bBAG|\\bBAGS|SHOPPER|PURSE|SUITCASE'],
  ['lighting', 'LIGHT|CANDLE|LANTERN|LAMP'],
  ['kitchen', 'MUG|CUP|PLATE|BOWL|TEA|CAKE|BAKING|KITCHEN|JAR|SPOON|CUTLERY|LUNCH|BOTTLE|APRON|TRAY|EGG'],
  ['stationery', 'CARD|WRAP|PAPER|PEN|NOTEBOOK|STICKER|TAPE|CHALK|RIBBON|BUNTING'],
  ['toys', 'TOY|DOLL|GAME|PLAYHOUSE|SPINNING|SKIPPING|PUZZLE|CHILDREN'],
  ['garden', 'GARDEN|FLOWER|PLANT|HERB|BIRD|WATERING'],
  ['jewellery', 'NECKLACE|EARRING|BRACELET|\\bRING\\b|BROOCH'],
  ['decoration', 'HEART|SIGN|FRAME|CLOCK|MIRROR|CUSHION|HANGING|DECORATION|ORNAMENT|DOORMAT|HOOK|DRAWER'],
];

interface LateBranch {
  readonly country: string;
  /** How long after the invoice its lines are loaded. */
  readonly byUs: number;
}

export interface PreparedShop {
  /** Loads the lines with `loaded_at` in (afterUs, uptoUs] as one more file of each source. */
  land(afterUs: number, uptoUs: number): Promise<void>;
  /** The day's invoices of goods, in order of time: what the shop asks features for. */
  baskets(): Promise<Basket[]>;
  /** Who buys in the shop of late, and what it sells. */
  catalogue(): Promise<Catalogue>;
  /** The ids of all restaurants. */
  readonly restaurants: readonly string[];
  close(): void;
}

export interface Basket {
  readonly invoice: string;
  readonly atUs: number;
  /** Null for a guest. */
  readonly customerId: bigint | null;
  readonly stockCodes: readonly string[];
  /** What it costs, GBP. */
  readonly value: number;
}

export interface Catalogue {
  readonly customers: readonly number[];
  readonly goods: readonly Good[];
}

export interface Good {
  readonly stockCode: string;
  readonly category: string;
  /** GBP. */
  readonly price: number;
}

/**
 * @param raw     the file of invoice lines, `data/online_retail.parquet` of the example
 * @param folder  where `data/` is made
 * @param dayUs   midnight of the day that the last day of the data becomes
 */
export async function prepareShop(
  raw: string,
  folder: string,
  dayUs: number,
  lateBranches: readonly LateBranch[],
): Promise<PreparedShop> {
  const duck = await DuckDb.open();
  await layRestaurants(duck, folder, dayUs);
  await duck.run(linesSql(raw, dayUs, lateBranches));
  const sources = { customer_lines: 'customer_id IS NOT NULL', product_lines: 'true' };
  for (const name of Object.keys(sources)) makeFolder(join(folder, 'data', name));
  return {
    async land(afterUs, uptoUs) {
      for (const [name, filter] of Object.entries(sources)) {
        const file = join(folder, 'data', name, `landed-${uptoUs}.parquet`);
        const loaded = `epoch_us(loaded_at) > ${afterUs} AND epoch_us(loaded_at) <= ${uptoUs}`;
        const rows = `SELECT * FROM line WHERE ${filter} AND ${loaded} ORDER BY invoice_date, invoice_no, stock_code`;
        await duck.run(`COPY (${rows}) TO ${quoteTarget(file)} (FORMAT parquet, COMPRESSION zstd)`);
      }
    },
    baskets: () => readBaskets(duck, dayUs),
    catalogue: () => readCatalogue(duck),
    restaurants: RESTAURANTS,
    close: () => duck.close(),
  };
}

function linesSql(raw: string, dayUs: number, lateBranches: readonly LateBranch[]): string {
  const late = lateBranches.map(
    ({ country, byUs }) => `WHEN country = ${quoteText(country)} AND today THEN ${byUs}`,
  );
  const lateUs = late.length === 0 ? '0' : `CASE ${late.join(' ')} ELSE 0 END`;
  const category = CATEGORIES.map(
    ([name, words]) => `WHEN regexp_matches(description, '${words}') THEN '${name}'`,
  );
  return `
    CREATE TABLE line AS
    WITH raw AS (
      SELECT *, starts_with(invoice_no, 'C') AS cancelled, quantity * unit_price AS line_total
      FROM read_parquet(${quotePath(raw)})
      WHERE regexp_matches(stock_code, '^[0-9]{5}') AND unit_price > 0
        AND (quantity > 0) = (NOT starts_with(invoice_no, 'C'))),
    moved AS (
      SELECT * REPLACE (make_timestamp(epoch_us(invoice_date) + ${dayUs} - epoch_us(last_day)) AS invoice_date),
        invoice_date >= last_day AS today
      FROM raw, (SELECT date_trunc('day', max(invoice_date)) AS last_day FROM raw)),
    numbered AS (
      SELECT *, sum(line_total) OVER (PARTITION BY invoice_no) AS invoice_total,
        row_number() OVER (PARTITION BY invoice_no ORDER BY stock_code, quantity, unit_price) AS nth
      FROM moved)
    SELECT invoice_no, stock_code, description, quantity, unit_price, line_total, invoice_date, country,
      customer_id::BIGINT AS customer_id, cancelled, today,
      CASE WHEN NOT cancelled THEN invoice_no END AS purchase_no,
      CASE WHEN NOT cancelled THEN invoice_date END AS purchased_at,
      CASE WHEN NOT cancelled THEN unit_price END AS sold_price,
      CASE WHEN NOT cancelled THEN customer_id END::BIGINT AS buyer_id,
      CASE WHEN NOT cancelled AND nth = 1 THEN invoice_total END AS order_value,
      CASE WHEN cancelled OR description IS NULL THEN NULL ${category.join(' ')} ELSE 'other' END AS category,
      make_timestamp(epoch_us(invoice_date) + 120000000 + ${lateUs}) AS loaded_at
    FROM numbered`;
}

async function readBaskets(duck: DuckDb, dayUs: number): Promise<Basket[]> {
  const rows = await duck.rows(`
    SELECT invoice_no, epoch_us(min(invoice_date)) AS at_us, any_value(customer_id) AS customer_id,
      array_to_string(list_sort(list_distinct(list(stock_code))), ',') AS stock_codes,
      round(sum(line_total), 2)::DOUBLE AS value
    FROM line WHERE epoch_us(invoice_date) >= ${dayUs} AND NOT cancelled
    GROUP BY invoice_no ORDER BY at_us, invoice_no`);
  return rows.map((row) => ({
    invoice: row['invoice_no'] as string,
    atUs: Number(row['at_us']),
    customerId: row['customer_id'] as bigint | null,
    stockCodes: (row['stock_codes'] as string).split(','),
    value: row['value'] as number,
  }));
}

/** The 300 customers and 400 goods of the most invoices. */
async function readCatalogue(duck: DuckDb): Promise<Catalogue> {
  const most = (what: string, count: number): string =>
    `FROM line WHERE NOT cancelled AND ${what} IS NOT NULL GROUP BY ${what}
     ORDER BY count(DISTINCT invoice_no) DESC, ${what} LIMIT ${count}`;
  const customers = await duck.rows(`SELECT customer_id ${most('customer_id', 300)}`);
  const goods = await duck.rows(`
    SELECT stock_code, coalesce(min(category), 'other') AS category, min(unit_price)::DOUBLE AS price
    ${most('stock_code', 400)}`);
  return {
    customers: customers.map((row) => Number(row['customer_id'])),
    goods: goods.map((row) => ({
      stockCode: row['stock_code'] as string,
      category: row['category'] as string,
      price: row['price'] as number,
    })),
  };
}
