/** The texts that open rows of a role have in common: bundles, and the secrets of HMACs. A row has their numbers. */
import { quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { OPEN_ROWS } from '../replay/open-rows.ts';

export class ServedKinds {
  readonly bundles: readonly string[];
  readonly hmacKeys: readonly string[];

  private constructor(bundles: readonly string[], hmacKeys: readonly string[]) {
    this.bundles = bundles;
    this.hmacKeys = hmacKeys;
  }

  static async read(duck: DuckDb): Promise<ServedKinds> {
    const rows = await duck.rows(`SELECT DISTINCT bundle, hmac_key FROM ${OPEN_ROWS} ORDER BY ALL`);
    const textsOf = (name: string): string[] => [...new Set(rows.map((row) => row[name] as string))];
    return new ServedKinds(textsOf('bundle'), textsOf('hmac_key'));
  }

  /** SQL of the numbers of the row `v`, from 0: `bundle_n` and `hmac_key_n`. */
  get columns(): string {
    const numbered = (name: string, texts: readonly string[]): string =>
      `(list_position([${texts.map(quoteText).join(', ')}], v.${name}) - 1)::DOUBLE AS ${name}_n`;
    return `${numbered('bundle', this.bundles)}, ${numbered('hmac_key', this.hmacKeys)}`;
  }
}
