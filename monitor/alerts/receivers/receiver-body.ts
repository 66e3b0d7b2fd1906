/** What is posted to a receiver: the same for every try. */
export interface ReceiverBody {
  /** Stands behind the receiver's URL; empty: nothing does. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
}
