/**
 * Feast's own service over gRPC, `feast.serving.ServingService`, as in its published files (ServingService.proto and
 * Value.proto of feast-dev/feast, Apache-2.0). What a request means is the same as over HTTP.
 */
import { SURFACES } from '../../../contract/wire/log/served-record.ts';
import { MessageWriter } from '../../../contract/wire/proto/message-writer.ts';
import { OWN_PACKAGE } from '../../../project/own-package.ts';
import { sidecarError } from '../../errors.ts';
import type { BundlePlans } from '../../plan/bundle-plans.ts';
import { encoderPlan } from '../../plan/encoder-plan.ts';
import type { Plan } from '../../plan/plan.ts';
import type { FeatureRequest } from '../../request/feature-request.ts';
import type { VectorCodec } from '../../request/surface.ts';
import { readFeast } from '../feast/feast-request.ts';
import { answerOnlineFeatures } from './online-features-answer.ts';
import type { OnlineFeaturesForm } from './online-features-answer.ts';
import { readOnlineFeatures } from './online-features-message.ts';
import { formlessType } from './value-message.ts';

const SERVICE = '/feast.serving.ServingService';

export const feastGrpcSurface: VectorCodec<OnlineFeaturesForm> = {
  code: SURFACES.indexOf('feast-grpc'),
  route: `${SERVICE}/GetOnlineFeatures`,
  parse: parseOnlineFeatures,
  answer: answerOnlineFeatures,
};

/** What a service has ready: the names of its results, and why it cannot be answered, if so. */
const namesPlan = encoderPlan((plan: Plan) => ({
  full: { names: [...plan.keyNames, ...plan.fullNames] },
  short: { names: [...plan.keyNames, ...plan.shortNames] },
  formless: formlessFeature(plan),
}));

function parseOnlineFeatures(bytes: Buffer, plans: BundlePlans): FeatureRequest<OnlineFeaturesForm> {
  const body = readOnlineFeatures(bytes);
  const request = readFeast(body, plans, true);
  const { full, short, formless } = namesPlan(request.plan);
  if (formless !== null) throw sidecarError('SRV_NO_FORM', formless.message, { field: formless.name });
  return { ...request, form: body['full_feature_names'] === true ? full : short };
}

function formlessFeature(plan: Plan): { readonly name: string; readonly message: string } | null {
  for (const [f, name] of plan.fullNames.entries()) {
    const clause = formlessType(plan.featureDefinitions[f]!.type);
    if (clause !== null) return { name, message: `${name}: ${clause}` };
  }
  return null;
}

const writer = new MessageWriter();

/** The methods that ask for no vectors: by their paths what answers a message. */
export const FEAST_GRPC_PAGES: Readonly<Record<string, () => Buffer>> = {
  [`${SERVICE}/GetFeastServingInfo`]: () => {
    writer.begin();
    writer.text(1, OWN_PACKAGE.version);
    return writer.end();
  },
};
