/**
 * The answers that a service's day has in the log: one request in 1,000 has one, and none where definitions keep values
 * out of the log. All rows of such a request are looked at by the judge, those too that agree with the history: what is
 * asked here is whether the model was told what the row says.
 *
 *   day_answers    pod, epoch, sequence | surface, bundle | answer: the bytes
 *   day_answered   vid of each vector of these requests
 */
import { SURFACES } from '../../contract/wire/log/served-record.ts';
import { quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { DayOfService } from '../day/day-of-log.ts';
import type { BundleBook } from '../judge/bundle-book.ts';
import { OPEN_ROWS } from '../replay/open-rows.ts';
import { LoggedAnswer, answeredFeatures } from './logged-answer.ts';

const ANSWERS = 'day_answers';
const ANSWERED = 'day_answered';

export class LoggedAnswers {
  /** Table of the vectors whose answers are logged. */
  readonly vectors = ANSWERED;
  readonly #duck: DuckDb;
  readonly #day: DayOfService;
  readonly #book: BundleBook;

  constructor(duck: DuckDb, day: DayOfService, book: BundleBook) {
    this.#duck = duck;
    this.#day = day;
    this.#book = book;
  }

  /** Lays the tables of the day. */
  async begin(): Promise<void> {
    const { answers, vectors } = this.#day.files;
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE ${ANSWERS} AS
        SELECT pod, epoch, sequence, surface, bundle, answer FROM (${answers});
      CREATE OR REPLACE TEMP TABLE ${ANSWERED} AS
        SELECT vid FROM (${vectors}) SEMI JOIN ${ANSWERS} USING (pod, epoch, sequence)`);
  }

  /**
   * @param vids  of open rows of one role whose answers were logged
   * @returns     by vid; without those of a bundle that is no more
   */
  async of(vids: readonly number[]): Promise<Map<number, LoggedAnswer>> {
    if (vids.length === 0) return new Map();
    return await this.#read(`SELECT * FROM ${OPEN_ROWS} WHERE vid IN (${vids.join(', ')})`);
  }

  /**
   * @param bundle  by its hash
   * @returns       the answers of its vectors that were logged, by the vid of the archive
   */
  async ofBundle(bundle: string): Promise<Map<number, LoggedAnswer>> {
    return await this.#read(`SELECT * FROM (${this.#day.files.vectors}) WHERE bundle = ${quoteText(bundle)}`);
  }

  /** @param vectors  SELECT of vectors, with their vid */
  async #read(vectors: string): Promise<Map<number, LoggedAnswer>> {
    const answers = new Map<number, LoggedAnswer>();
    const rows = await this.#duck.rows(`SELECT CAST(list(v.vid) AS DOUBLE[]) AS vids,
        any_value(a.surface) AS surface, any_value(a.bundle) AS bundle, any_value(a.answer) AS answer
      FROM (${vectors}) v JOIN ${ANSWERS} a USING (pod, epoch, sequence) GROUP BY pod, epoch, sequence`);
    for (const row of rows) {
      // How an answer lists its features, only its own bundle says.
      const hash = row['bundle'] as string;
      if (!this.#book.isKept(hash)) continue;
      const { bytes } = row['answer'] as unknown as { readonly bytes: Uint8Array };
      const surface = SURFACES[row['surface'] as number] ?? 'native';
      const features = answeredFeatures(this.#book.bundle(hash), this.#day.service);
      const answer = new LoggedAnswer(Buffer.from(bytes), surface, features);
      const { items } = row['vids'] as unknown as { readonly items: readonly number[] };
      for (const vid of items) answers.set(vid, answer);
    }
    return answers;
  }
}
