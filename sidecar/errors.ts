/** The sidecar's table of errors. Documented in docs/errors.md; `error-status.ts` turns a code into a status. */
import { errorsOf } from '../contract/std/coded-error.ts';
import type { ErrorEntry } from '../contract/std/coded-error.ts';

export const SIDECAR_ERRORS = {
  SRV_JSON: {
    message: 'The body is not JSON in UTF-8, or no object.',
    help: 'Send one JSON object.',
    kind: 'usage',
  },
  SRV_MESSAGE: {
    message: 'The request is not the Protocol Buffers message that its method takes.',
    help: 'Make the client from the published files of the protocol (docs/grpc.md).',
    kind: 'usage',
  },
  SRV_REQUEST: {
    message: 'A field of the request is missing or has another shape than it should.',
    help: 'Compare the request with GET /feature-service/{name}.',
    kind: 'usage',
  },
  SRV_UNKNOWN_SERVICE: {
    message: 'No feature service of that name is applied.',
    help: 'Check the name with `plumb show`, or run `plumb apply`.',
    kind: 'usage',
  },
  SRV_UNKNOWN_FEATURE: {
    message: 'No feature of that name is applied.',
    help: 'Name features as view:feature; `plumb show` lists them.',
    kind: 'usage',
  },
  SRV_AMBIGUOUS_FEATURE: {
    message: 'Two features of the answer would have one name.',
    help: 'Ask with full_feature_names: true.',
    kind: 'usage',
  },
  SRV_UNKNOWN_KEY: {
    message: 'The request has a join key, or an input tensor, that the feature service does not have.',
    help: 'Send the join keys and context fields that GET /feature-service/{name} lists.',
    kind: 'usage',
  },
  SRV_UNKNOWN_CONTEXT: {
    message: 'The request has a context field that the feature service does not have.',
    help: 'Send the context fields that GET /feature-service/{name} lists; leave out context where it lists none.',
    kind: 'usage',
  },
  SRV_INPUT_MISSING: {
    message: 'The request lacks an input of an on-demand feature, or has null for one that is not optional.',
    help: 'Send the context fields that GET /feature-service/{name} lists; optional ones may be left out.',
    kind: 'usage',
  },
  SRV_INPUT_TYPE: {
    message: 'The value of an on-demand input does not fit its type.',
    help: 'An int64 past 2^53 - 1 is sent as decimal text, a timestamp as RFC 3339, a list within a list.',
    kind: 'usage',
  },
  SRV_KEY_MISSING: {
    message: 'The request lacks a join key that the features need, or all keys of a row are null.',
    help: 'Send the join keys that GET /feature-service/{name} lists.',
    kind: 'usage',
  },
  SRV_KEY_TYPE: {
    message: 'The value of a join key does not fit its type.',
    help: 'Integers are JSON integers or decimal text; strings are at most 512 bytes of UTF-8.',
    kind: 'usage',
  },
  SRV_TENSOR: {
    message: 'A tensor of the request contradicts itself: its shape, datatype, size and data do not agree.',
    help: 'Compare the request with GET /v2/models/{name}; the JSON is as long as Inference-Header-Content-Length.',
    kind: 'usage',
  },
  SRV_LIST_LENGTHS: {
    message: 'Lists of one feature have different lengths in the rows of one answer, so they make no tensor.',
    help: 'Name the outputs without that feature, ask for such rows one by one, or make it an embedding.',
    kind: 'usage',
  },
  SRV_NO_FORM: {
    message: 'A value has no form in the protocol that it was asked for by.',
    help: 'Ask for that feature over HTTP, or leave it out.',
    kind: 'usage',
  },
  SRV_NO_ROWS: {
    message: 'A list of entities or of inputs is empty.',
    help: 'Ask for at least one row.',
    kind: 'usage',
  },
  SRV_RAGGED: {
    message: 'The lists of entities and inputs have different lengths.',
    help: 'Give every join key and input a list of the same length; a list of one is repeated, on Feast’s surface only of an input.',
    kind: 'usage',
  },
  SRV_TOO_MANY_VALUES: {
    message:
      'The request asks for more than 10,000 values (rows times features), or repeats a long input for many rows.',
    help: 'Split the request.',
    kind: 'usage',
  },
  SRV_BODY_TOO_LARGE: {
    message: 'The body is larger than 1 MiB.',
    help: 'Split the request.',
    kind: 'usage',
  },
  SRV_ENCODING: {
    message: 'The body is compressed or encoded (Content-Encoding), which is not taken.',
    help: 'Send the body as it is: on one machine compressing it costs more than it saves.',
    kind: 'usage',
  },
  SRV_HOST: {
    message: 'The Host header names a host that is not served here.',
    help: 'Call localhost, or add the host to serve.allowedHosts.',
    kind: 'usage',
  },
  SRV_ORIGIN: {
    message: 'The request comes from a web page (it has an Origin header).',
    help: 'Call the sidecar from a server; browsers are refused.',
    kind: 'usage',
  },
  SRV_FRAMING: {
    message:
      'The request can be read as two different requests: Transfer-Encoding, two lengths or two hosts.',
    help: 'Send one Content-Length and one Host, and no Transfer-Encoding.',
    kind: 'usage',
  },
  SRV_DEADLINE: {
    message: 'The header x-deadline-ms is no number of milliseconds above 0 and up to 60,000.',
    help: 'Send a number such as 8, or leave the header out.',
    kind: 'usage',
  },
  SRV_ROUTE: {
    message: 'Nothing is served at that path.',
    help: 'POST /feature-service/get-online-features is the main route.',
    kind: 'usage',
  },
  SRV_METHOD: {
    message: 'The path is served with another method.',
    help: 'Use the method that the Allow header names.',
    kind: 'usage',
  },
  SRV_OVERLOAD: {
    message: 'The sidecar is behind: more work is asked for than it can do in time.',
    help: 'Try again after the time that Retry-After names, or grpc-retry-pushback-ms.',
    kind: 'failed',
  },
  SRV_LOG_FULL: {
    message: 'The vector log cannot take the answer, and log.onFull is `reject`.',
    help: 'Make room for the spool, or choose log.onFull: shed-log.',
    kind: 'failed',
  },
  SRV_INTERNAL: {
    message: 'The sidecar met a state that it does not know.',
    help: 'Report it with the lines that the sidecar printed.',
    kind: 'failed',
  },
  SRV_PORT: {
    message: 'A port cannot be opened: it is in use, not allowed, or its host is none of this machine.',
    help: 'Do what the reason says: choose another serve.port, serve.adminPort or serve.grpcPort, or correct serve.host or serve.adminHost.',
    kind: 'failed',
  },
  SRV_TRANSPORT: {
    message: 'serve.transport is `uws`, but uWebSockets.js cannot be loaded.',
    help: 'Install the optional dependency, or set serve.transport to auto.',
    kind: 'failed',
  },
  SRV_STORE: {
    message: 'The online store cannot be read.',
    help: 'Check that it runs and that `online` in plumbline.yaml points to it; run `plumb materialize` first.',
    kind: 'failed',
  },
} as const satisfies Record<string, ErrorEntry>;

export type SidecarErrorCode = keyof typeof SIDECAR_ERRORS;

/** What a message and a field may take: both quote what the caller sent, which may be a megabyte. */
const MAX_MESSAGE = 2_000;
const MAX_FIELD = 200;

const codedError = errorsOf(SIDECAR_ERRORS);

export const sidecarError: typeof codedError = (code, message, details = {}, cause) => {
  const { field } = details;
  const bounded = field === undefined ? details : { ...details, field: clipped(field, MAX_FIELD) };
  return codedError(code, clipped(message, MAX_MESSAGE), bounded, cause);
};

function clipped(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)} ...`;
}
