/** A call of object storage, and what it answers. */
export interface ObjectCall {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly bucket: string;
  /** The object's name; '' is the bucket. */
  readonly key: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

export interface ObjectAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
}
