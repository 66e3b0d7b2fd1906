/**
 * Who may write the rows of a view: the leases of the registry. A lease has one holder, or a group of processes, each
 * of which keeps a lease of its own beside it, so that the last to go gives the group's back:
 *
 *   user_clicks                   holder `group plumbline-stream-clicks`, number 7
 *   user_clicks member 2026...    holder `machine 5f3c...`
 */
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

export interface LeaseTables {
  lease: { view: string; holder: string; number: number; until_ms: number };
}

/** Who may write the history of a view. */
export interface Lease {
  readonly holder: string;
  /** One more than that of the holder before. */
  readonly number: number;
  /** Nobody else has it before this time. */
  readonly untilMs: number;
}

interface LeaseWish extends Omit<Lease, 'number'> {
  readonly nowMs: number;
  /** The lease of a holder whose name begins so is taken over. */
  readonly over: string;
}

interface MemberWish extends LeaseWish {
  /** By which the group's lease is known. */
  readonly group: string;
  /** By which this process is known in it. */
  readonly member: string;
}

interface Membership {
  readonly group: string;
  readonly member: string;
  /** The member's. */
  readonly holder: string;
  /** The group's lease when the member joined. */
  readonly number: number;
}

/** With which no holder's name begins. */
const NOBODY = '\u0001';
/** What the holder of a group's lease is called. */
const GROUP = 'group ';

export class LeaseTable {
  readonly #db: Kysely<LeaseTables>;

  constructor(db: Kysely<LeaseTables>) {
    this.#db = db;
  }

  /** Takes a lease that nobody has, that has ended, or whose holder the wish names. @returns it, whoever has it then */
  async take(view: string, { holder, nowMs, untilMs, over }: LeaseWish): Promise<Lease> {
    await this.#db
      .insertInto('lease')
      .values({ view, holder, number: 1, until_ms: untilMs })
      .onConflict((conflict) =>
        conflict
          .column('view')
          .doUpdateSet({ holder, number: sql<number>`lease.number + 1`, until_ms: untilMs })
          .where(({ eb, or }) =>
            or([
              eb('lease.until_ms', '<=', nowMs),
              eb(startOf(sql.ref('lease.holder'), over), '=', over),
              sql<boolean>`${startOf(sql.ref('lease.holder'), GROUP)} = ${GROUP}
                AND NOT EXISTS (${this.#living(view, nowMs, over)})`,
            ]),
          ),
      )
      .execute();
    return (await this.find(view))!;
  }

  /** Members of a group that may live, but for those whose holder's name begins so. */
  #living(view: string, nowMs: number, over: string) {
    const prefix = memberName(view, '');
    return sql`SELECT 1 FROM lease AS living WHERE ${startOf(sql.ref('living.view'), prefix)} = ${prefix}
      AND living.until_ms > ${nowMs} AND ${startOf(sql.ref('living.holder'), over)} <> ${over}`;
  }

  /**
   * Takes a view's lease for a group, or joins the group that has it.
   * @returns the view's lease, whoever has it then: its number is the group's
   */
  async join(view: string, wish: MemberWish): Promise<Lease> {
    const { group, member, holder, nowMs, untilMs, over } = wish;
    const groupHolder = `${GROUP}${group}`;
    const goesOn = sql<boolean>`lease.holder = ${groupHolder} AND lease.until_ms > ${nowMs}`;
    await this.#db
      .insertInto('lease')
      .values({ view, holder: groupHolder, number: 1, until_ms: untilMs })
      .onConflict((conflict) =>
        conflict
          .column('view')
          .doUpdateSet({
            holder: groupHolder,
            number: sql<number>`CASE WHEN ${goesOn} THEN lease.number ELSE lease.number + 1 END`,
            until_ms: sql<number>`CASE WHEN ${goesOn} AND lease.until_ms > ${untilMs}
              THEN lease.until_ms ELSE ${untilMs} END`,
          })
          .where(({ eb, or }) =>
            or([
              eb('lease.until_ms', '<=', nowMs),
              eb('lease.holder', '=', groupHolder),
              eb(startOf(sql.ref('lease.holder'), over), '=', over),
            ]),
          ),
      )
      .execute();
    const lease = (await this.find(view))!;
    if (lease.holder === groupHolder) await this.#putMember(view, { member, holder, untilMs });
    return lease;
  }

  async #putMember(
    view: string,
    { member, holder, untilMs }: Pick<MemberWish, 'member' | 'holder' | 'untilMs'>,
  ): Promise<void> {
    const row = { view: memberName(view, member), holder, number: 1, until_ms: untilMs };
    await this.#db
      .insertInto('lease')
      .values(row)
      .onConflict((conflict) => conflict.column('view').doUpdateSet({ until_ms: untilMs }))
      .execute();
  }

  /** @returns false where the group's lease has another holder by now, or has ended and was taken anew */
  async renewMember(
    view: string,
    { group, member, holder, number }: Membership,
    untilMs: number,
  ): Promise<boolean> {
    const own = this.#db.updateTable('lease').set({ until_ms: untilMs }).where('view', '=', view);
    const held = own.where('holder', '=', `${GROUP}${group}`).where('number', '=', number);
    if ((await held.executeTakeFirst()).numUpdatedRows === 0n) return false;
    await this.#putMember(view, { member, holder, untilMs });
    return true;
  }

  /** Leaves a group; the last member gives its lease back. */
  async quit(view: string, { group, member, number }: Membership, nowMs: number): Promise<void> {
    await this.#db.deleteFrom('lease').where('view', '=', memberName(view, member)).execute();
    await this.#db
      .updateTable('lease')
      .set({ until_ms: 0 })
      .where('view', '=', view)
      .where('holder', '=', `${GROUP}${group}`)
      .where('number', '=', number)
      .where(sql<boolean>`NOT EXISTS (${this.#living(view, nowMs, NOBODY)})`)
      .execute();
  }

  /** Forgets the members of a view's group whose holder's name begins so: they are dead. */
  async forgetMembers(view: string, over: string): Promise<void> {
    const prefix = memberName(view, '');
    await this.#db
      .deleteFrom('lease')
      .where(({ eb }) => eb(startOf(sql.ref('view'), prefix), '=', prefix))
      .where(({ eb }) => eb(startOf(sql.ref('holder'), over), '=', over))
      .execute();
  }

  /** @returns whether a process is a member of the view's group, as far as is known */
  async isMember(view: string, member: string, nowMs: number): Promise<boolean> {
    return ((await this.find(memberName(view, member)))?.untilMs ?? 0) > nowMs;
  }

  /** @returns the lease of a view as it is; null: nobody ever took it */
  async find(view: string): Promise<Lease | null> {
    const row = await this.#db.selectFrom('lease').selectAll().where('view', '=', view).executeTakeFirst();
    return row === undefined ? null : { holder: row.holder, number: row.number, untilMs: row.until_ms };
  }

  /** @param untilMs  0 gives it back. @returns false where somebody else has it by now */
  async renew(view: string, holder: string, untilMs: number): Promise<boolean> {
    const own = this.#db.updateTable('lease').set({ until_ms: untilMs }).where('view', '=', view);
    const { numUpdatedRows } = await own.where('holder', '=', holder).executeTakeFirst();
    return numUpdatedRows > 0n;
  }
}

/** @returns the group's name where a group holds a lease; null: one process does */
export function groupOf({ holder }: Lease): string | null {
  return holder.startsWith(GROUP) ? holder.slice(GROUP.length) : null;
}

/** No view's id has a space. */
function memberName(view: string, member: string): string {
  return `${view} member ${member}`;
}

function startOf(column: ReturnType<typeof sql.ref>, prefix: string) {
  return sql<string>`substr(${column}, 1, ${sql.lit(prefix.length)})`;
}
