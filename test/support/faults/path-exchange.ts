/** An exchange for tests of what reads a request's path and head: nobody hears its reply. */
import { Exchange } from '../../../sidecar/transport/transport.ts';

export class PathExchange extends Exchange {
  constructor(path = '', inferenceHeaderLength = '') {
    super();
    this.path = path;
    this.method = 'POST';
    this.head.inferenceHeaderLength = inferenceHeaderLength;
  }

  override reply(): void {}
}
