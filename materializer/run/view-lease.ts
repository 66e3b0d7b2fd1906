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
 * Who holds the lock of a folder knows that a holder on the same machine is dead, and takes the lease over at once: a
 * killed run holds nothing up here. One that died elsewhere does for a minute.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { performance } from 'node:perf_hooks';
import type { FeatureView } from '../../contract/model.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { Lease, RegistryDatabase } from '../../project/database/registry-database.ts';
import { materializerError } from '../errors.ts';

const LEASE_MS = 60_000;
const RENEW_MS = 15_000;

type Leases = Pick<RegistryDatabase, 'takeLease' | 'renewLease'>;
type View = Pick<FeatureView, 'id'>;

export class ViewLease {
  readonly #view: string;
  readonly #leases: Leases;
  readonly #holder: string;
  /** Counts up by one with each holder of the view's lease. */
  readonly number: number;
  #goodUntilMs: number;
  readonly #timer: NodeJS.Timeout;

  private constructor(
    view: string,
    leases: Leases,
    taken: { readonly holder: string; readonly number: number },
  ) {
    this.#view = view;
    this.#leases = leases;
    this.#holder = taken.holder;
    this.number = taken.number;
    this.#goodUntilMs = performance.now() + LEASE_MS;
    // A renewal that fails is made up for by the next one, or found out before the commit.
    this.#timer = setInterval(() => void this.#renew().catch(() => {}), RENEW_MS).unref();
  }

  /**
   * Takes the lease of a view whose lock is held.
   * @throws MAT_BUSY when a run on another machine has it
   */
  static async take(leases: Leases, view: View, machine = thisMachine()): Promise<ViewLease> {
    const holder = `${machine} ${randomBytes(8).toString('hex')}`;
    const nowMs = Date.now();
    const lease = await leases.takeLease(view.id, {
      holder,
      nowMs,
      untilMs: nowMs + LEASE_MS,
      over: `${machine} `,
    });
    if (lease.holder === holder) return new ViewLease(view.id, leases, { holder, number: lease.number });
    throw heldElsewhere(view, lease);
  }

  /** Takes nothing. @throws MAT_BUSY when a run on another machine has the view's lease */
  static async refuseHeld(
    leases: Pick<RegistryDatabase, 'lease'>,
    view: View,
    machine = thisMachine(),
  ): Promise<void> {
    const lease = await leases.lease(view.id);
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
    await this.#leases.renewLease(this.#view, this.#holder, 0).catch(() => {});
  }

  async #renew(): Promise<boolean> {
    const askedMs = performance.now();
    const held = await this.#leases.renewLease(this.#view, this.#holder, Date.now() + LEASE_MS);
    if (held) this.#goodUntilMs = askedMs + LEASE_MS;
    return held;
  }
}

function heldElsewhere({ id }: View, { holder, untilMs }: Lease): Error {
  const [host] = holder.split(' ');
  const until = formatTimestamp(untilMs * 1_000).slice(0, 19);
  const message = `another run of ${id} is under way on ${host}; unless it goes on, its lease ends at ${until}Z`;
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
