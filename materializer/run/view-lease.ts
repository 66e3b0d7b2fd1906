/**
 * One run of a view at a time, on this machine and on every other.
 *
 *   lock    in the view's folder, held by the kernel: it goes with its process. It decides among the processes that
 *           share the folder of one machine
 *   lease   in the registry, for machines that do not share a kernel: it ends by itself when nobody renews it
 *
 * A lease has a number, one more than the last of its view, and every commit names it. A run whose lease was taken by
 * another meanwhile (it was paused, or the registry was away) stops before it commits.
 *
 * The processes of a stream share both: the lock among those of a machine, the lease as a group.
 *
 * Who holds the lock of a folder knows that a holder on the same machine is dead, and takes the lease over at once: a
 * killed run holds nothing up here. One that died elsewhere does for a minute.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { performance } from 'node:perf_hooks';
import type { FeatureView } from '../../contract/model.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { groupOf } from '../../project/database/lease-table.ts';
import type { Lease } from '../../project/database/lease-table.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import { materializerError } from '../errors.ts';

const LEASE_MS = 60_000;
const RENEW_MS = 15_000;

type Leases = Pick<RegistryDatabase, 'leases'>;
type View = Pick<FeatureView, 'id'>;

/** How a lease is kept: by its holder alone, or as a member of the group that has it. */
interface Grip {
  readonly number: number;
  /** @returns false where somebody else has the lease by now */
  renew(untilMs: number): Promise<boolean>;
  release(): Promise<void>;
}

/** A process of a group that shares a view's lease. */
export interface ViewMember {
  readonly group: string;
  /** By which the process is known in it: the id of its run. */
  readonly member: string;
}

export class ViewLease {
  readonly #view: string;
  readonly #grip: Grip;
  /** Counts up by one with each holder of the view's lease. */
  readonly number: number;
  #goodUntilMs: number;
  readonly #timer: NodeJS.Timeout;

  private constructor(view: string, grip: Grip) {
    this.#view = view;
    this.#grip = grip;
    this.number = grip.number;
    this.#goodUntilMs = performance.now() + LEASE_MS;
    // A renewal that fails is made up for by the next one, or found out before the commit.
    this.#timer = setInterval(() => void this.#renew().catch(() => {}), RENEW_MS).unref();
  }

  /**
   * Takes the lease of a view whose lock is held.
   * @throws MAT_BUSY when a run on another machine has it, or a group of which a process may live elsewhere
   */
  static async take({ leases }: Leases, view: View, machine = thisMachine()): Promise<ViewLease> {
    const { id } = view;
    const wish = wishOf(machine);
    const lease = await leases.take(id, wish);
    const { holder } = wish;
    if (lease.holder !== holder) throw heldElsewhere(view, lease);
    return new ViewLease(id, {
      number: lease.number,
      renew: (untilMs) => leases.renew(id, holder, untilMs),
      release: async () => void (await leases.renew(id, holder, 0)),
    });
  }

  /**
   * Takes the lease for a group, or joins the group that has it, while the view's lock is shared.
   * @param isFirst  no other process of this machine shares the lock: those that it had are dead
   * @throws MAT_BUSY when a run on another machine has it, or another group
   */
  static async join(
    { leases }: Leases,
    view: View,
    { group, member, isFirst }: ViewMember & { readonly isFirst: boolean },
    machine = thisMachine(),
  ): Promise<ViewLease> {
    const { id } = view;
    const wish = wishOf(machine);
    if (isFirst) await leases.forgetMembers(id, wish.over);
    const lease = await leases.join(id, { ...wish, group, member });
    if (groupOf(lease) !== group) throw heldElsewhere(view, lease);
    const own = { group, member, holder: wish.holder, number: lease.number };
    return new ViewLease(id, {
      number: lease.number,
      renew: (untilMs) => leases.renewMember(id, own, untilMs),
      release: () => leases.quit(id, own, Date.now()),
    });
  }

  /** Takes nothing. @throws MAT_BUSY when a run on another machine has the view's lease */
  static async refuseHeld({ leases }: Leases, view: View, machine = thisMachine()): Promise<void> {
    const lease = await leases.find(view.id);
    if (lease === null || lease.untilMs <= Date.now() || lease.holder.startsWith(`${machine} `)) return;
    throw heldElsewhere(view, lease);
  }

  /**
   * Called before a commit.
   * @throws MAT_LEASE when another run has taken over, or may have
   */
  async hold(): Promise<void> {
    const held = await this.#renew();
    if (held && performance.now() < this.#goodUntilMs) return;
    throw leaseLost(this.#view);
  }

  /**
   * Called before rows go online. The registry is asked only where its last answer is older than a lease lasts, as when
   * the process was stopped meanwhile.
   * @throws MAT_LEASE when another run has taken over
   */
  async stillHeld(): Promise<void> {
    if (performance.now() >= this.#goodUntilMs) await this.hold();
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    // Where the registry is away the lease ends by itself.
    await this.#grip.release().catch(() => {});
  }

  async #renew(): Promise<boolean> {
    const askedMs = performance.now();
    const held = await this.#grip.renew(Date.now() + LEASE_MS);
    if (held) this.#goodUntilMs = askedMs + LEASE_MS;
    return held;
  }
}

function wishOf(machine: string) {
  const nowMs = Date.now();
  const holder = `${machine} ${randomBytes(8).toString('hex')}`;
  return { holder, nowMs, untilMs: nowMs + LEASE_MS, over: `${machine} ` };
}

function heldElsewhere({ id }: View, lease: Lease): Error {
  const group = groupOf(lease);
  const where = group === null ? `on ${lease.holder.split(' ')[0]}` : `in the group ${group}`;
  const until = formatTimestamp(lease.untilMs * 1_000).slice(0, 19);
  const message = `another run of ${id} is under way ${where}; unless it goes on, its lease ends at ${until}Z`;
  return materializerError('MAT_BUSY', message);
}

export function leaseLost(view: string): Error {
  return materializerError(
    'MAT_LEASE',
    `another run of ${view} has taken over from this one; nothing was committed`,
  );
}

/** Differs between machines, and between containers with names of their own. */
function thisMachine(): string {
  let boot = '';
  try {
    boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().slice(0, 8);
  } catch {
    // No Linux: the name has to do.
  }
  return boot === '' ? hostname() : `${hostname()}/${boot}`;
}
