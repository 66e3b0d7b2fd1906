/** What isolated functions are told about their processes, and whom they tell of ends. */
import type { EndedCalls } from './ended-calls.ts';

export interface CallOptions {
  /**
   * How long one call may take; it is ended between this and twice as long, later in a native method and where the
   * process gets no time.
   */
  readonly callMs: number;
  /** Of the process's heap; 64 unless given. */
  readonly memoryMiB?: number;
  /** Of outcomes that somebody waits for or keeps (`rows`); more of them get a fault. No bound unless given. */
  readonly heldMiB?: number;
  /** How long the process may take to start, and then the code of each module by itself; 10 s unless given. */
  readonly startMs?: number;
  /** Whether a second process stands ready; a new one is started when it is needed unless given. */
  readonly spare?: boolean;
  /** What is known of the functions, kept beyond this; without it none goes apart or rests. */
  readonly ended?: EndedCalls;
  /** Called when a call was ended, or a process ended because of one. */
  readonly onEnd?: (view: string, reason: 'deadline' | 'memory') => void;
  /**
   * Called when a process ended and no view is to blame for sure.
   *
   * @param by   a signal's name, or what else ended it
   * @param ran  the views that it ran, that with the most rows first: one of them may have kept its memory
   */
  readonly onLost?: (by: string, ran: readonly string[]) => void;
}
