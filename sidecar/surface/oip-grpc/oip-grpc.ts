/**
 * The Open Inference Protocol over gRPC, `inference.GRPCInferenceService`, as in its published file
 * (open_inference_grpc.proto of kserve/open-inference-protocol, Apache-2.0). What a request means, and what its answer
 * holds, is the same as over HTTP.
 */
import { SURFACES } from '../../../contract/wire/log/served-record.ts';
import { MessageWriter } from '../../../contract/wire/proto/message-writer.ts';
import type { BundlePlans } from '../../plan/bundle-plans.ts';
import type { Plan } from '../../plan/plan.ts';
import type { FeatureRequest } from '../../request/feature-request.ts';
import { readMessage } from '../message-body.ts';
import type { VectorCodec } from '../../request/surface.ts';
import { servedModel } from '../oip/model-path.ts';
import { SERVER_METADATA, modelMetadata } from '../oip/oip-metadata.ts';
import { readInfer } from '../oip/oip-request.ts';
import { answerInfer } from './infer-answer.ts';
import type { InferForm } from './infer-answer.ts';
import { readInferMessage } from './infer-message.ts';

const SERVICE = '/inference.GRPCInferenceService';

export const oipGrpcSurface: VectorCodec<InferForm> = {
  code: SURFACES.indexOf('oip-grpc'),
  route: `${SERVICE}/ModelInfer`,
  parse: parseInfer,
  answer: answerInfer,
};

function parseInfer(bytes: Buffer, plans: BundlePlans): FeatureRequest<InferForm> {
  const { model, version, body, binary, isRaw } = readInferMessage(bytes);
  const plan = servedModel(plans, { service: model, version }, 'model_name');
  const request = readInfer(plan, body, binary);
  return { ...request, form: { ...request.form, isRaw } };
}

const writer = new MessageWriter();

/** The methods that ask for no vectors: by their paths what answers a message. */
export const OIP_GRPC_PAGES: Readonly<Record<string, (message: Buffer, plans: BundlePlans) => Buffer>> = {
  [`${SERVICE}/ServerLive`]: yes,
  // A port that answers has its bundle; a store that is down makes values UNAVAILABLE, not the sidecar unready.
  [`${SERVICE}/ServerReady`]: yes,
  [`${SERVICE}/ModelReady`]: (message, plans) => {
    namedModel('ModelReadyRequest', message, plans);
    return yes();
  },
  [`${SERVICE}/ServerMetadata`]: serverMetadata,
  [`${SERVICE}/ModelMetadata`]: (message, plans) =>
    metadataMessage(namedModel('ModelMetadataRequest', message, plans)),
};

/** A message whose first field is true. */
function yes(): Buffer {
  writer.begin();
  writer.bool(1, true);
  return writer.end();
}

/** @throws SRV_MESSAGE, SRV_UNKNOWN_SERVICE */
function namedModel(name: string, message: Buffer, plans: BundlePlans): Plan {
  return readMessage(name, message, (reader) => {
    let [service, version] = ['', ''];
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) service = reader.text();
      else if (field === 2) version = reader.text();
      else reader.skip();
    }
    return servedModel(plans, { service, version: version === '' ? null : version }, 'name');
  });
}

/** 1 name, 2 version, 3 extensions. */
function serverMetadata(): Buffer {
  writer.begin();
  writer.text(1, SERVER_METADATA.name);
  writer.text(2, SERVER_METADATA.version);
  return writer.end();
}

/** 1 name, 2 versions, 3 platform, 4 inputs, 5 outputs, 6 properties: texts, so what is no text stands in JSON. */
function metadataMessage(plan: Plan): Buffer {
  const { name, versions, platform, inputs, outputs, parameters } = modelMetadata(plan);
  writer.begin();
  writer.text(1, name);
  for (const version of versions) writer.text(2, version);
  writer.text(3, platform);
  for (const [field, tensors] of [
    [4, inputs],
    [5, outputs],
  ] as const) {
    for (const tensor of tensors) {
      const opened = writer.open(field);
      writer.text(1, tensor.name);
      writer.text(2, tensor.datatype);
      writer.ints(3, tensor.shape);
      writer.close(opened);
    }
  }
  for (const [key, value] of Object.entries(parameters)) {
    const opened = writer.open(6);
    writer.text(1, key);
    writer.text(2, typeof value === 'string' ? value : JSON.stringify(value));
    writer.close(opened);
  }
  return writer.end();
}
