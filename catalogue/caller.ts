/**
 * Who asks. Today everyone who reaches the port may read everything, and nobody has a name; this is the one place that
 * an identity comes from once access is checked: app.ts asks it before each page.
 */
import type { HonoRequest } from 'hono';

interface Caller {
  /** null: nobody has said who asks. */
  readonly name: string | null;
}

/** Tells who sent a request; throws a coded error where it may not be answered. */
export type CallerOf = (request: HonoRequest) => Promise<Caller>;

export const ANYONE: CallerOf = async () => ({ name: null });
